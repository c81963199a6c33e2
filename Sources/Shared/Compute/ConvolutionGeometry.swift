/// The shapes of a 2-D convolution or pooling with a square kernel, the same stride and padding on both axes.
package struct ConvolutionGeometry: Hashable, Sendable {
  package let input: FeatureShape
  package let kernelSize: Int
  package let stride: Int
  package let padding: Int
  /// `(input + 2·padding − kernelSize) / stride + 1`, rounded down, on each axis.
  package let outputHeight: Int
  package let outputWidth: Int

  /// - Returns: nil if the kernel is larger than the padded input.
  package init?(input: FeatureShape, kernelSize: Int, stride: Int, padding: Int) {
    precondition(kernelSize > 0 && stride > 0 && padding >= 0)
    guard input.height + 2 * padding >= kernelSize, input.width + 2 * padding >= kernelSize else { return nil }
    self.input = input
    self.kernelSize = kernelSize
    self.stride = stride
    self.padding = padding
    outputHeight = (input.height + 2 * padding - kernelSize) / stride + 1
    outputWidth = (input.width + 2 * padding - kernelSize) / stride + 1
  }

  /// Output positions of one image.
  package var outputPositions: Int { outputHeight * outputWidth }

  /// Of an image, with so many channels.
  package func outputShape(channels: Int) -> FeatureShape {
    FeatureShape(height: outputHeight, width: outputWidth, channels: channels)
  }

  /// Values under the kernel at one position: `kernelSize² · channels`, the columns of the im2col matrix.
  package var patchValues: Int { kernelSize * kernelSize * input.channels }

  /// The convolution that turns the gradient of the output, with so many channels, into that of the input, its kernel
  /// rotated by 180°; nil if there is none, as with any stride but 1.
  package func transposed(outputChannels: Int) -> ConvolutionGeometry? {
    guard stride == 1 && padding < kernelSize else { return nil }
    return ConvolutionGeometry(
      input: FeatureShape(height: outputHeight, width: outputWidth, channels: outputChannels), kernelSize: kernelSize,
      stride: 1, padding: kernelSize - 1 - padding)
  }

  /// The im2col matrix is the input itself.
  package var isPointwise: Bool { kernelSize == 1 && stride == 1 && padding == 0 }

  /// The part of kernel column or row `0..<kernelSize` that lies inside `0..<extent` when it starts at `start`.
  @inline(__always) func valid(from start: Int, extent: Int) -> Range<Int> {
    let lower = min(kernelSize, max(0, -start))
    return lower..<max(lower, min(kernelSize, extent - start))
  }
}
