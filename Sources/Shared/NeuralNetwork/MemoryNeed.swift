import Compute

/// The memory that layers take when they train, in values of four bytes: what `prepare`, the first steps and the
/// optimizer allocate. Nothing is allocated to know it.
package struct MemoryNeed: Equatable, Sendable {
  /// Numbers that are trained: each has a gradient and a momentum as well.
  package internal(set) var parameters = 0
  /// Running statistics.
  package internal(set) var statistics = 0
  /// Outputs of a batch, which the layers keep.
  package internal(set) var features = 0
  /// Tensors of a batch that the pool lends at the same time, the largest first: each grows to the largest that was
  /// asked for in its place.
  package internal(set) var lent: [Int] = []
  /// The scratch areas of each worker.
  package internal(set) var scratch: [Int] = []

  /// Bytes, with so many workers.
  package func bytes(threads: Int) -> Int {
    let work = Self.sum(lent) + threads * Self.sum(scratch)
    return 4 * (3 * parameters + statistics + features + work)
  }

  /// That of layers which run one after the other, and share what they do not keep.
  package static func + (first: Self, second: Self) -> Self {
    var both = first
    both.parameters += second.parameters
    both.statistics += second.statistics
    both.features += second.features
    both.lent = larger(first.lent, second.lent)
    both.scratch = larger(first.scratch, second.scratch)
    return both
  }

  /// That of the same layers when nothing of them is trained: their parameters have neither gradients nor momenta.
  package var frozen: Self {
    var need = self
    need.statistics += parameters
    need.parameters = 0
    return need
  }

  fileprivate static func larger(_ first: [Int], _ second: [Int]) -> [Int] {
    (0..<max(first.count, second.count)).map { index in
      max(index < first.count ? first[index] : 0, index < second.count ? second[index] : 0)
    }
  }

  private static func sum(_ values: [Int]) -> Int { values.reduce(0, +) }

  /// - Parameter lent: of one image, in any order.
  fileprivate init(_ layer: any Layer, features: Int = 0, lent: [Int] = [], images: Int) {
    parameters = layer.parameters.reduce(0) { $0 + $1.count }
    statistics = layer.statistics.reduce(0) { $0 + $1.count }
    self.features = features * images
    self.lent = lent.sorted(by: >).map { $0 * images }
  }

  package init() {}
}

extension Layer {
  /// The memory that the layer takes for a shape that goes in, and at most so many images. That of a layer which
  /// computes in place, and of those that know no better, is an output, and the gradients of both sides.
  ///
  /// - Throws: `ShapeError` if the layer cannot take the shape.
  package func memoryNeed(for input: FeatureShape, images: Int, _ compute: ComputeSettings) throws -> MemoryNeed {
    let output = try outputShape(for: input).values
    switch self {
    case let layers as Sequential:
      var (need, shape) = (MemoryNeed(), input)
      for layer in layers.layers {
        need = need + (try layer.memoryNeed(for: shape, images: images, compute))
        shape = try layer.outputShape(for: shape)
      }
      return need
    case let block as ResidualBlock:
      let middle = try block.first.outputShape(for: input)
      var need = try block.first.memoryNeed(for: input, images: images, compute)
      need = need + (try block.second.memoryNeed(for: middle, images: images, compute))
      if let shortcut = block.shortcut {
        need = need + (try shortcut.memoryNeed(for: input, images: images, compute))
      }
      // The gradient of the output is kept while those of the middle, and then of the input, are made.
      let lent = [output, max(middle.values, block.shortcut == nil ? 0 : input.values)]
      need.lent = MemoryNeed.larger(need.lent, lent.sorted(by: >).map { $0 * images })
      return need
    case let layer as NormalizedConvolution:
      // The normalization's output is lent where it is read but once; the gradient of the input comes after that of the
      // output is given back, if it does not take the input's place.
      var need = MemoryNeed(
        layer, features: layer.normalization.isOutputTransient ? output : 2 * output,
        lent: [layer.overwritesInput ? output : max(output, input.values)], images: images)
      try layer.convolution.addScratch(to: &need, for: input, images: images, compute)
      return need
    case let layer as Convolution:
      var need = MemoryNeed(layer, features: output, lent: [output, input.values], images: images)
      try layer.addScratch(to: &need, for: input, images: images, compute)
      return need
    case is MaxPooling:
      // And a byte for each output, which says where it comes from.
      return MemoryNeed(self, features: output + (output + 3) / 4, lent: [output, input.values], images: images)
    default: return MemoryNeed(self, features: output, lent: [output, input.values], images: images)
    }
  }
}
