/// Mean and sum of squared deviations of each channel, over rows that arrive in parts.
///
/// Blocks of rows are measured in two passes while they are in the cache and merged by Chan, Golub and LeVeque's
/// formula (*Updating Formulae and a Pairwise Algorithm for Computing Sample Variances*, 1979) in double precision, so
/// a mean that is large against the deviation costs few digits.
final class ChannelMoments {
  private(set) var rows = 0.0
  /// Per channel.
  private(set) var mean: [Double]
  /// Per channel: Σ (x − mean)².
  private(set) var squares: [Double]
  private var blockSum: [Float]
  private var blockSquares: [Float]

  private static let blockRows = 64

  init(channels: Int) {
    mean = Array(repeating: 0, count: channels)
    squares = mean
    blockSum = Array(repeating: 0, count: channels)
    blockSquares = blockSum
  }

  func clear() { rows = 0 }

  /// Adds rows of the matrix `[*, channels]` that begins at `data`.
  func add(_ data: UnsafePointer<Float>, rows range: Range<Int>) {
    let channels = mean.count
    for lower in stride(from: range.lowerBound, to: range.upperBound, by: Self.blockRows) {
      let part = lower..<min(lower + Self.blockRows, range.upperBound)
      let count = Float(part.count)
      blockSum.withUnsafeMutableBufferPointer { sum in
        blockSquares.withUnsafeMutableBufferPointer { squares in
          let sum = sum.base
          let squares = squares.base
          sum.update(repeating: 0, count: channels)
          squares.update(repeating: 0, count: channels)
          for row in part {
            let x = data + row * channels
            for c in 0..<channels { sum[c] += x[c] }
          }
          for c in 0..<channels { sum[c] /= count }
          for row in part {
            let x = data + row * channels
            for c in 0..<channels {
              let deviation = x[c] - sum[c]
              squares[c] += deviation * deviation
            }
          }
        }
      }
      merge(rows: Double(count), mean: { Double(blockSum[$0]) }, squares: { Double(blockSquares[$0]) })
    }
  }

  /// Adds what another one has seen.
  func merge(_ other: ChannelMoments) {
    merge(rows: other.rows, mean: { other.mean[$0] }, squares: { other.squares[$0] })
  }

  private func merge(rows added: Double, mean addedMean: (Int) -> Double, squares addedSquares: (Int) -> Double) {
    guard added > 0 else { return }
    let total = rows + added
    for channel in mean.indices {
      if rows == 0 {
        mean[channel] = addedMean(channel)
        squares[channel] = addedSquares(channel)
      } else {
        let difference = addedMean(channel) - mean[channel]
        mean[channel] += difference * added / total
        squares[channel] += addedSquares(channel) + difference * difference * rows * added / total
      }
    }
    rows = total
  }
}
