import Compute

extension UnsafeMutableBufferPointer {
  /// The address of the first element of a buffer that is known not to be empty.
  var base: UnsafeMutablePointer<Element> {
    guard let baseAddress else { preconditionFailure("an empty buffer has no base") }
    return baseAddress
  }
}

/// `sums[c] = Σ over rows of matrix[row, c]` for a tensor as `[rows, channels]`, in the order of the rows.
func sumRows(_ matrix: Tensor, into sums: UnsafeMutablePointer<Float>) {
  let channels = matrix.shape.channels
  sums.update(repeating: 0, count: channels)
  for row in 0..<matrix.rows {
    let values = matrix.data + row * channels
    for channel in 0..<channels { sums[channel] += values[channel] }
  }
}
