/// Mean and sum of squared deviations of each channel, over rows that arrive in parts.
///
/// Blocks of rows are measured in one pass while they are in the cache, as distances from the block's first row, so a
/// mean that is large against the deviation costs few digits, and merged by Chan, Golub and LeVeque's formula
/// (*Updating Formulae and a Pairwise Algorithm for Computing Sample Variances*, 1979) in double precision.
final class ChannelMoments {
  private let channels: Int
  /// Per channel.
  private let rows: UnsafeMutablePointer<Double>
  let mean: UnsafeMutablePointer<Double>
  /// Per channel: Σ (x − mean)².
  let squares: UnsafeMutablePointer<Double>
  /// Of a block, per channel: Σ d and Σ d² of the distances d.
  private let distances: UnsafeMutablePointer<Float>
  private let squaredDistances: UnsafeMutablePointer<Float>

  private static let blockRows = 64

  init(channels: Int) {
    self.channels = channels
    rows = .allocate(capacity: 3 * channels)
    rows.initialize(repeating: 0, count: 3 * channels)
    mean = rows + channels
    squares = mean + channels
    distances = .allocate(capacity: 2 * channels)
    distances.initialize(repeating: 0, count: 2 * channels)
    squaredDistances = distances + channels
  }

  deinit {
    rows.deallocate()
    distances.deallocate()
  }

  func clear() { rows.update(repeating: 0, count: channels) }

  /// Whether every channel has seen so many rows.
  func haveSeen(rows count: Int) -> Bool { (0..<channels).allSatisfy { rows[$0] == Double(count) } }

  /// Adds rows and columns of the matrix `[*, channels]` that begins at `data`.
  func add(_ data: UnsafePointer<Float>, rows range: Range<Int>, columns: Range<Int>) {
    let (width, distances, squaredDistances) = (columns.count, distances, squaredDistances)
    for part in range.parts(of: Self.blockRows) {
      let origin = data + part.lowerBound * channels + columns.lowerBound
      distances.update(repeating: 0, count: width)
      squaredDistances.update(repeating: 0, count: width)
      for row in 1..<max(1, part.count) {
        let x = origin + row * channels
        for c in 0..<width {
          let distance = x[c] - origin[c]
          distances[c] += distance
          squaredDistances[c] += distance * distance
        }
      }
      let count = Double(part.count)
      for index in 0..<width {
        let sum = Double(distances[index])
        // The first row is one of them, so what is subtracted is at most 64 times what is left: few digits are lost.
        let squares = Double(squaredDistances[index]) - sum * sum / count
        merge(
          columns.lowerBound + index, rows: count, mean: Double(origin[index]) + sum / count,
          squares: squares < 0 ? 0 : squares)
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
