/// A tensor to be stored: its name, its shape and where its values come from. It owns no memory; what it points to must
/// stay as it is until it is written.
package struct NamedTensor {
  /// Fills a buffer with consecutive elements, the first of which has this index in the tensor as stored (row-major).
  package typealias Fill = (_ firstElement: Int, _ chunk: UnsafeMutableBufferPointer<Float>) throws -> Void

  /// Where the values come from.
  package enum Content {
    /// Float32 values in the order in which they are stored.
    case values(UnsafeBufferPointer<Float>)
    /// Float32 values that a closure brings into order, a chunk after the other, from first to last.
    case generated(Fill)
    /// 64-bit integers, such as `num_batches_tracked`.
    case integers([Int64])
  }

  package let name: String
  /// Sizes, outermost first; empty for a scalar.
  package let shape: [Int]
  package let content: Content

  /// - Precondition: the sizes are not negative and the number of values is their product.
  package init(name: String, shape: [Int], content: Content) {
    precondition(shape.allSatisfy { $0 >= 0 }, "\(name): shape \(shape) has a negative size")
    let count = shape.reduce(1, *)
    switch content {
    case .values(let values): precondition(values.count == count, "\(name): \(values.count) values for shape \(shape)")
    case .integers(let values):
      precondition(values.count == count, "\(name): \(values.count) values for shape \(shape)")
    case .generated: break
    }
    self.name = name
    self.shape = shape
    self.content = content
  }

  /// The number of elements.
  var elementCount: Int { shape.reduce(1, *) }

  /// The format's name of the element type.
  var elementType: SafetensorsElementType {
    switch content {
    case .values, .generated: .float32
    case .integers: .int64
    }
  }

  /// A tensor that is stored as it lies in memory.
  package static func values(name: String, shape: [Int], _ values: UnsafeBufferPointer<Float>) -> NamedTensor {
    NamedTensor(name: name, shape: shape, content: .values(values))
  }

  /// One integer, shape `[]`.
  package static func scalar(name: String, _ value: Int64) -> NamedTensor {
    NamedTensor(name: name, shape: [], content: .integers([value]))
  }

  /// A convolution's weights, `[kernelHeight * kernelWidth * inputChannels, outputChannels]` in memory, in the order of
  /// PyTorch: shape `[outputChannels, inputChannels, kernelHeight, kernelWidth]`.
  package static func convolutionOIHW(
    name: String, weights: UnsafePointer<Float>, kernelHeight: Int, kernelWidth: Int, inputChannels: Int,
    outputChannels: Int
  ) -> NamedTensor {
    NamedTensor(
      name: name, shape: [outputChannels, inputChannels, kernelHeight, kernelWidth],
      content: convolutionOIHW(
        weights: weights, kernelHeight: kernelHeight, kernelWidth: kernelWidth, inputChannels: inputChannels,
        outputChannels: outputChannels))
  }

  /// A linear layer's weights, `[inputs, outputs]` in memory, in the order of PyTorch: shape `[outputs, inputs]`.
  package static func linear(name: String, weights: UnsafePointer<Float>, inputs: Int, outputs: Int) -> NamedTensor {
    NamedTensor(
      name: name, shape: [outputs, inputs],
      content: convolutionOIHW(
        weights: weights, kernelHeight: 1, kernelWidth: 1, inputChannels: inputs, outputChannels: outputs))
  }

  /// The content of a convolution in OIHW order; see ``ConvolutionOrder``.
  package static func convolutionOIHW(
    weights: UnsafePointer<Float>, kernelHeight: Int, kernelWidth: Int, inputChannels: Int, outputChannels: Int
  ) -> Content {
    let order = ConvolutionOrder(
      kernelHeight: kernelHeight, kernelWidth: kernelWidth, inputChannels: inputChannels, outputChannels: outputChannels
    )
    return .generated { firstElement, chunk in
      order.forEach(firstElement: firstElement, count: chunk.count) { index, source in chunk[index] = weights[source] }
    }
  }
}

/// Where the elements of a convolution in OIHW order lie in our memory: row `(ky * kernelWidth + kx) * inputChannels +
/// ic` and column `oc` of a matrix `[kernelHeight * kernelWidth * inputChannels, outputChannels]`. A linear layer is
/// the case of a 1×1 kernel.
package struct ConvolutionOrder: Sendable {
  let kernelPositions: Int
  let inputChannels: Int
  let outputChannels: Int

  package init(kernelHeight: Int, kernelWidth: Int, inputChannels: Int, outputChannels: Int) {
    precondition(
      kernelHeight > 0 && kernelWidth > 0 && inputChannels > 0 && outputChannels > 0,
      "convolution \(kernelHeight)x\(kernelWidth), \(inputChannels) to \(outputChannels) channels")
    kernelPositions = kernelHeight * kernelWidth
    self.inputChannels = inputChannels
    self.outputChannels = outputChannels
  }

  /// The number of weights.
  package var count: Int { kernelPositions * inputChannels * outputChannels }

  /// The way back: brings weights in OIHW order, as a checkpoint has them, into our order.
  ///
  /// - Parameters:
  ///   - stored: all weights, OIHW.
  ///   - weights: receives `[kernelHeight * kernelWidth * inputChannels, outputChannels]`.
  package func restore(_ stored: UnsafeBufferPointer<Float>, to weights: UnsafeMutablePointer<Float>) {
    precondition(stored.count == count, "\(stored.count) stored weights, expected \(count)")
    forEach(firstElement: 0, count: count) { index, target in weights[target] = stored[index] }
  }

  /// Calls `body` with 0, 1, … `count - 1` and the place in our order of OIHW elements `firstElement`, ….
  @inline(__always) func forEach(firstElement: Int, count: Int, _ body: (_ index: Int, _ place: Int) -> Void) {
    precondition(firstElement >= 0 && count >= 0 && firstElement + count <= self.count, "elements out of range")
    if count == 0 { return }
    // o: output channel, i: input channel, p: position in the kernel
    var p = firstElement % kernelPositions
    var i = firstElement / kernelPositions % inputChannels
    var o = firstElement / (kernelPositions * inputChannels)
    for index in 0..<count {
      body(index, (p &* inputChannels &+ i) &* outputChannels &+ o)
      p &+= 1
      if p == kernelPositions {
        p = 0
        i &+= 1
        if i == inputChannels {
          i = 0
          o &+= 1
        }
      }
    }
  }
}
