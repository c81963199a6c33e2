/// Mean and sum of squared deviations of each channel, over rows that arrive in parts.
///
/// Blocks of rows are measured in two passes while they are in the cache and merged by Chan, Golub and LeVeque's
/// formula (*Updating Formulae and a Pairwise Algorithm for Computing Sample Variances*, 1979) in double precision, so
/// a mean that is large against the deviation costs few digits.
final class ChannelMoments {
  /// Per channel.
  private var rows: [Double]
  private(set) var mean: [Double]
  /// Per channel: Σ (x − mean)².
  private(set) var squares: [Double]
  private var blockSum: [Float]
  private var blockSquares: [Float]

  private static let blockRows = 64

  init(channels: Int) {
    rows = Array(repeating: 0, count: channels)
    mean = rows
    squares = rows
    blockSum = Array(repeating: 0, count: channels)
    blockSquares = blockSum
  }

  func clear() { for channel in rows.indices { rows[channel] = 0 } }

  /// Whether every channel has seen so many rows.
  func haveSeen(rows count: Int) -> Bool { rows.allSatisfy { $0 == Double(count) } }

  /// Adds rows and columns of the matrix `[*, channels]` that begins at `data`.
  func add(_ data: UnsafePointer<Float>, rows range: Range<Int>, columns: Range<Int>) {
    let channels = mean.count
    let width = columns.count
    for lower in stride(from: range.lowerBound, to: range.upperBound, by: Self.blockRows) {
      let part = lower..<min(lower + Self.blockRows, range.upperBound)
      let count = Float(part.count)
      blockSum.withUnsafeMutableBufferPointer { sum in
        blockSquares.withUnsafeMutableBufferPointer { squares in
          let sum = sum.base
          let squares = squares.base
          sum.update(repeating: 0, count: width)
          squares.update(repeating: 0, count: width)
          for row in part {
            let x = data + row * channels + columns.lowerBound
            for c in 0..<width { sum[c] += x[c] }
          }
          for c in 0..<width { sum[c] /= count }
          for row in part {
            let x = data + row * channels + columns.lowerBound
            for c in 0..<width {
              let deviation = x[c] - sum[c]
              squares[c] += deviation * deviation
            }
          }
        }
      }
      for (index, channel) in columns.enumerated() {
        merge(channel, rows: Double(count), mean: Double(blockSum[index]), squares: Double(blockSquares[index]))
      }
    }
  }

  /// Adds what another one has seen.
  func merge(_ other: ChannelMoments) {
    for channel in rows.indices {
      merge(channel, rows: other.rows[channel], mean: other.mean[channel], squares: other.squares[channel])
    }
  }

  private func merge(_ channel: Int, rows added: Double, mean addedMean: Double, squares addedSquares: Double) {
    guard added > 0 else { return }
    let before = rows[channel]
    let total = before + added
    rows[channel] = total
    if before == 0 {
      mean[channel] = addedMean
      squares[channel] = addedSquares
    } else {
      let difference = addedMean - mean[channel]
      mean[channel] += difference * added / total
      squares[channel] += addedSquares + difference * difference * before * added / total
    }
  }
}
