import Compute

/// A matrix for each point of a square of them.
struct PointMatrices {
  private let base: UnsafeMutablePointer<Float>
  private let side: Int
  private let stride: Int

  /// Between the matrices in memory, so that they do not all fall into the same places of a cache.
  private static let gap = 16

  /// - Parameters:
  ///   - side: points on each axis.
  ///   - values: of each matrix.
  init(_ base: UnsafeMutablePointer<Float>, side: Int, values: Int) {
    self.base = base
    self.side = side
    stride = values + Self.gap
  }

  /// The values that they take.
  static func room(side: Int, values: Int) -> Int { side * side * (values + gap) }

  subscript(_ point: Int) -> UnsafeMutablePointer<Float> { base + point * stride }

  /// The same place of all matrices.
  func grid(_ offset: Int) -> WinogradTransforms.MutableGrid {
    .init(base + offset, rowStride: side * stride, columnStride: stride)
  }
}

/// The kernels of a layer, `[3, 3, inputChannels, outputChannels]`, on their way to the points.
struct WinogradKernels {
  let transforms: WinogradTransforms
  let inputChannels: Int
  let outputChannels: Int

  private var matrix: Int { inputChannels * outputChannels }

  /// `G g Gᵀ` for some output channels: `[points, inputChannels, panel]`.
  func transform(
    _ weights: UnsafePointer<Float>, outputs panel: Range<Int>, to points: PointMatrices
  ) {
    for input in 0..<inputChannels {
      transforms.transformKernel(
        .init(weights + input * outputChannels + panel.lowerBound, rowStride: 3 * matrix, columnStride: matrix),
        to: points.grid(input * panel.count), channels: panel.count)
    }
  }

  /// Values of scratch memory for `transformRotated`.
  static let squareValues = 9 * WinogradTransforms.lanes * WinogradTransforms.lanes

  /// The same for the convolution that turns the output's gradient into the input's: the kernels rotated by 180° (read
  /// backwards), inputs and outputs exchanged: `[points, outputChannels, panel]` for some input channels.
  func transformRotated(
    _ weights: UnsafePointer<Float>, inputs panel: Range<Int>, to points: PointMatrices,
    squares: UnsafeMutablePointer<Float>
  ) {
    let lanes = WinogradTransforms.lanes
    for output in stride(from: 0, to: outputChannels, by: lanes) {
      for input in stride(from: panel.lowerBound, to: panel.upperBound, by: lanes) {
        for cell in 0..<9 {
          Transposition.copy(
            rows: lanes, columns: lanes, weights + (8 - cell) * matrix + input * outputChannels + output,
            sourceStride: outputChannels, to: squares + cell * lanes * lanes, targetStride: lanes)
        }
        for lane in 0..<lanes {
          transforms.transformKernel(
            .init(squares + lane * lanes, rowStride: 3 * lanes * lanes, columnStride: lanes * lanes),
            to: points.grid((output + lane) * panel.count + input - panel.lowerBound), channels: lanes)
        }
      }
    }
  }

  /// `Gᵀ u G` for some input and output channels, into the gradient of the weights.
  ///
  /// - Parameters:
  ///   - gradient: that of the first of these output channels.
  ///   - rowStride: values from one input channel to the next.
  func transformGradient(
    _ points: PointMatrices, inputs: Range<Int>, outputs panel: Range<Int>,
    into gradient: UnsafeMutablePointer<Float>, rowStride: Int
  ) {
    let matrix = inputChannels * rowStride
    for input in inputs {
      transforms.transformKernelGradient(
        points.grid((input - inputs.lowerBound) * panel.count).readOnly,
        to: .init(gradient + input * rowStride, rowStride: 3 * matrix, columnStride: matrix), channels: panel.count)
    }
  }
}
