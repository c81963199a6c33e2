import Compute

/// The maximum of each channel under a square window; padding never wins. Of equal values the first one is
/// taken; not-a-number wins over every number, as in PyTorch.
package final class MaxPooling: Layer {
  package let kernelSize: Int
  package let stride: Int
  package let padding: Int

  private var state: State?
  private struct State {
    let context: ComputeContext
    let geometry: ConvolutionGeometry
    let output: Tensor
    /// For each output value, which cell of the window it came from.
    let winners: UnsafeMutableBufferPointer<UInt8>
  }

  /// - Parameter kernelSize: at most 15.
  package init(kernelSize: Int, stride: Int, padding: Int = 0) {
    precondition(kernelSize <= 15 && padding < kernelSize, "a window of \(kernelSize), padding \(padding)")
    self.kernelSize = kernelSize
    self.stride = stride
    self.padding = padding
  }

  deinit { state?.winners.deallocate() }

  package var description: String {
    "max pooling \(kernelSize)x\(kernelSize), stride \(stride)" + (padding == 0 ? "" : ", padding \(padding)")
  }

  package func outputShape(for input: FeatureShape) throws -> FeatureShape {
    let geometry = try geometry(for: input)
    return FeatureShape(
      height: geometry.outputHeight, width: geometry.outputWidth, channels: input.channels)
  }

  private func geometry(for input: FeatureShape) throws -> ConvolutionGeometry {
    guard
      let geometry = ConvolutionGeometry(
        input: input, kernelSize: kernelSize, stride: stride, padding: padding)
    else { throw ShapeError("\(description): features of shape \(input) are smaller than the window") }
    return geometry
  }

  package func prepare(for input: FeatureShape, maximumCount: Int, context: ComputeContext) throws {
    let output = Tensor(try outputShape(for: input), count: maximumCount)
    state?.winners.deallocate()
    let winners = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: output.capacity)
    winners.initialize(repeating: 0)
    state = State(context: context, geometry: try geometry(for: input), output: output, winners: winners)
  }

  package func forward(_ input: Tensor, training: Bool) -> Tensor {
    guard let state else { preconditionFailure("\(description): not prepared") }
    let output = state.output
    let channels = input.shape.channels
    output.resize(count: input.count)
    state.context.pool.split(input.count) { _, images in
      forEachWindowCell(images, state.geometry) { cell, isFirst, inputOffset, outputOffset in
        let x = input.data + inputOffset
        let y = output.data + outputOffset
        let winner = state.winners.base + outputOffset
        if isFirst {
          for c in 0..<channels {
            y[c] = x[c]
            winner[c] = cell
          }
        } else {
          for c in 0..<channels {
            // A value that is not a number (unequal to itself) wins and stays, so that it is noticed.
            let wins = x[c] > y[c] || x[c] != x[c]
            y[c] = wins ? x[c] : y[c]
            winner[c] = wins ? cell : winner[c]
          }
        }
      }
    }
    input.owner?.give(input)
    return output
  }

  package func backward(_ outputGradient: Tensor, needsInputGradient: Bool) -> Tensor? {
    guard let state else { preconditionFailure("\(description): not prepared") }
    defer { state.context.gradients.give(outputGradient) }
    guard needsInputGradient else { return nil }
    let input = state.geometry.input
    let inputGradient = state.context.gradients.take(input, count: outputGradient.count)
    state.context.pool.split(outputGradient.count) { _, images in
      (inputGradient.data + images.lowerBound * input.values)
        .update(repeating: 0, count: images.count * input.values)
      forEachWindowCell(images, state.geometry) { cell, _, inputOffset, outputOffset in
        let dx = inputGradient.data + inputOffset
        let dy = outputGradient.data + outputOffset
        let winner = state.winners.base + outputOffset
        for c in 0..<input.channels { dx[c] += winner[c] == cell ? dy[c] : 0 }
      }
    }
    return inputGradient
  }

  /// Calls `body` for each cell that lies inside the image, of each window of each image, in order, with the
  /// cell's number and the offsets of the first channel in the input and in the output.
  @inline(__always)
  private func forEachWindowCell(
    _ images: Range<Int>, _ geometry: ConvolutionGeometry,
    _ body: (_ cell: UInt8, _ isFirst: Bool, _ inputOffset: Int, _ outputOffset: Int) -> Void
  ) {
    let input = geometry.input
    var outputOffset = images.lowerBound * geometry.outputPositions * input.channels
    for image in images {
      for y in 0..<geometry.outputHeight {
        for x in 0..<geometry.outputWidth {
          var isFirst = true
          for ky in 0..<kernelSize {
            let row = y * stride - padding + ky
            guard row >= 0 && row < input.height else { continue }
            for kx in 0..<kernelSize {
              let column = x * stride - padding + kx
              guard column >= 0 && column < input.width else { continue }
              let offset = ((image * input.height + row) * input.width + column) * input.channels
              body(UInt8(truncatingIfNeeded: ky * kernelSize + kx), isFirst, offset, outputOffset)
              isFirst = false
            }
          }
          outputOffset += input.channels
        }
      }
    }
  }
}
