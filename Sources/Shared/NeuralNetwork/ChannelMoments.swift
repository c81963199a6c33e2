/// Mean and sum of squared deviations of each channel, over rows that arrive in parts.
///
/// Blocks of rows are measured in two passes while they are in the cache and merged by Chan, Golub and LeVeque's
/// formula (*Updating Formulae and a Pairwise Algorithm for Computing Sample Variances*, 1979) in double precision, so
/// a mean that is large against the deviation costs few digits.
final class ChannelMoments {
  private let channels: Int
  /// Per channel.
  private let rows: UnsafeMutablePointer<Double>
  let mean: UnsafeMutablePointer<Double>
  /// Per channel: Σ (x − mean)².
  let squares: UnsafeMutablePointer<Double>
  /// Of a block, per channel.
  private let blockMean: UnsafeMutablePointer<Float>
  private let blockSquares: UnsafeMutablePointer<Float>

  private static let blockRows = 64

  init(channels: Int) {
    self.channels = channels
    rows = .allocate(capacity: 3 * channels)
    rows.initialize(repeating: 0, count: 3 * channels)
    mean = rows + channels
    squares = mean + channels
    blockMean = .allocate(capacity: 2 * channels)
    blockMean.initialize(repeating: 0, count: 2 * channels)
    blockSquares = blockMean + channels
  }

  deinit {
    rows.deallocate()
    blockMean.deallocate()
  }

  func clear() { rows.update(repeating: 0, count: channels) }

  /// Whether every channel has seen so many rows.
  func haveSeen(rows count: Int) -> Bool { (0..<channels).allSatisfy { rows[$0] == Double(count) } }

  /// Adds rows and columns of the matrix `[*, channels]` that begins at `data`.
  func add(_ data: UnsafePointer<Float>, rows range: Range<Int>, columns: Range<Int>) {
    let (width, mean, squares) = (columns.count, blockMean, blockSquares)
    for part in range.parts(of: Self.blockRows) {
      let count = Float(part.count)
      mean.update(repeating: 0, count: width)
      squares.update(repeating: 0, count: width)
      for row in part {
        let x = data + row * channels + columns.lowerBound
        for c in 0..<width { mean[c] += x[c] }
      }
      for c in 0..<width { mean[c] /= count }
      for row in part {
        let x = data + row * channels + columns.lowerBound
        for c in 0..<width {
          let deviation = x[c] - mean[c]
          squares[c] += deviation * deviation
        }
      }
      for (index, channel) in columns.enumerated() {
        merge(channel, rows: Double(count), mean: Double(mean[index]), squares: Double(squares[index]))
      }
    }
  }

  /// Adds what another one has seen.
  func merge(_ other: ChannelMoments) {
    for channel in 0..<channels {
      merge(channel, rows: other.rows[channel], mean: other.mean[channel], squares: other.squares[channel])
    }
  }

  @inline(__always) private func merge(
    _ channel: Int, rows added: Double, mean addedMean: Double, squares addedSquares: Double
  ) {
    guard added > 0 else { return }
    let before = rows[channel]
    let total = before + added
    let difference = addedMean - (before > 0 ? mean[channel] : addedMean)
    mean[channel] = before > 0 ? mean[channel] + difference * added / total : addedMean
    squares[channel] =
      (before > 0 ? squares[channel] : 0) + addedSquares + difference * difference * before * added / total
    rows[channel] = total
  }
}
