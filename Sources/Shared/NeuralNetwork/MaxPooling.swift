import Compute

/// The maximum of each channel under a square window; padding never wins. Of equal values the first one is taken;
/// not-a-number wins over every number, as in PyTorch.
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
    return FeatureShape(height: geometry.outputHeight, width: geometry.outputWidth, channels: input.channels)
  }

  private func geometry(for input: FeatureShape) throws -> ConvolutionGeometry {
    guard let geometry = ConvolutionGeometry(input: input, kernelSize: kernelSize, stride: stride, padding: padding)
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
      if isHalving { return halve(images, input.data, state) }
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
    input.release()
    return output
  }

  package func backward(_ outputGradient: Tensor, needsInputGradient: Bool) -> Tensor? {
    guard let state else { preconditionFailure("\(description): not prepared") }
    defer { outputGradient.release() }
    guard needsInputGradient else { return nil }
    let input = state.geometry.input
    let inputGradient = state.context.gradients.take(input, count: outputGradient.count)
    state.context.pool.split(outputGradient.count) { _, images in
      let isCovered = isHalving && input.height % 2 == 0 && input.width % 2 == 0
      if !isCovered {
        (inputGradient.data + images.lowerBound * input.values).update(repeating: 0, count: images.count * input.values)
      }
      if isHalving { return spread(images, outputGradient.data, into: inputGradient.data, state) }
      forEachWindowCell(images, state.geometry) { cell, _, inputOffset, outputOffset in
        let dx = inputGradient.data + inputOffset
        let dy = outputGradient.data + outputOffset
        let winner = state.winners.base + outputOffset
        for c in 0..<input.channels { dx[c] += winner[c] == cell ? dy[c] : 0 }
      }
    }
    return inputGradient
  }

  /// Calls `body` for each cell that lies inside the image, of each window of each image, in order, with the cell's
  /// number and the offsets of the first channel in the input and in the output.
  @inline(__always) private func forEachWindowCell(
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

// MARK: 2×2 windows side by side, the usual case

extension MaxPooling {
  private var isHalving: Bool { kernelSize == 2 && stride == 2 && padding == 0 }

  /// Calls `body` for each window with the offsets of its upper left cell in the input and of the output.
  @inline(__always) private func forEachHalvingWindow(
    _ images: Range<Int>, _ geometry: ConvolutionGeometry, _ body: (_ inputOffset: Int, _ outputOffset: Int) -> Void
  ) {
    let input = geometry.input
    var outputOffset = images.lowerBound * geometry.outputPositions * input.channels
    for image in images {
      for y in 0..<geometry.outputHeight {
        var inputOffset = (image * input.height + 2 * y) * input.width * input.channels
        for _ in 0..<geometry.outputWidth {
          body(inputOffset, outputOffset)
          inputOffset += 2 * input.channels
          outputOffset += input.channels
        }
      }
    }
  }

  /// Forward: all four cells of a window at once.
  private func halve(_ images: Range<Int>, _ input: UnsafePointer<Float>, _ state: State) {
    let channels = state.geometry.input.channels
    let row = state.geometry.input.width * channels
    let output = state.output.data
    let winners = state.winners.base
    forEachHalvingWindow(images, state.geometry) { inputOffset, outputOffset in
      let (x0, y, winner) = (input + inputOffset, output + outputOffset, winners + outputOffset)
      let (x1, x2, x3) = (x0 + channels, x0 + row, x0 + row + channels)
      for c in 0..<channels {
        var largest = x0[c]
        var cell: UInt32 = 0
        challenge(x1[c], 1, &largest, &cell)
        challenge(x2[c], 2, &largest, &cell)
        challenge(x3[c], 3, &largest, &cell)
        y[c] = largest
        winner[c] = UInt8(truncatingIfNeeded: cell)
      }
    }
  }

  /// Backward: each window's gradient goes to the cell that won.
  private func spread(
    _ images: Range<Int>, _ outputGradient: UnsafePointer<Float>, into inputGradient: UnsafeMutablePointer<Float>,
    _ state: State
  ) {
    let channels = state.geometry.input.channels
    let row = state.geometry.input.width * channels
    let winners = state.winners.base
    forEachHalvingWindow(images, state.geometry) { inputOffset, outputOffset in
      let (dy, winner) = (outputGradient + outputOffset, winners + outputOffset)
      let dx = inputGradient + inputOffset
      // One loop a cell: the compiler vectorizes it only with one array that is written to.
      for cell in 0..<4 {
        let dx = dx + cell / 2 * row + cell % 2 * channels
        for c in 0..<channels { dx[c] = Int(winner[c]) == cell ? dy[c] : 0 }
      }
    }
  }
}

/// The value of a further cell against the largest so far. A value that is not a number (unequal to itself) wins and
/// stays, so that it is noticed.
@inline(__always) private func challenge(_ value: Float, _ number: UInt32, _ largest: inout Float, _ cell: inout UInt32)
{
  let wins = value > largest || value != value
  largest = wins ? value : largest
  cell = wins ? number : cell
}
