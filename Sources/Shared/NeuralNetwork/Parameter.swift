import Compute

/// A named array of numbers that belongs to a layer: a weight with its gradient, or a running statistic.
package final class Parameter {
  /// How the numbers begin.
  package enum Initialization: Sendable {
    case constant(Float)
    /// Uniform in `[-bound, bound]`.
    case uniform(Float)
  }

  /// How the numbers are laid out, and what PyTorch calls that shape.
  package enum Layout: Hashable, Sendable {
    /// One number a channel.
    case vector(Int)
    /// `[inputs, outputs]`; PyTorch has `[outputs, inputs]`.
    case linear(inputs: Int, outputs: Int)
    /// `[kernelHeight, kernelWidth, inputChannels, outputChannels]`; PyTorch has OIHW.
    case convolution(kernelSize: Int, inputs: Int, outputs: Int)
    /// A count without dimensions, as `num_batches_tracked`.
    case scalar

    package var count: Int {
      switch self {
      case .scalar: 1
      case .vector(let count): count
      case .linear(let inputs, let outputs): inputs * outputs
      case .convolution(let kernelSize, let inputs, let outputs): kernelSize * kernelSize * inputs * outputs
      }
    }
  }

  /// The name in the *whole* network, as a PyTorch user knows it, such as "layer1.0.conv1.weight".
  package let name: String
  package let layout: Layout
  package let initialization: Initialization
  /// The numbers, zero at first. Allocated when first asked for: the edge also describes the cloud's layers, but has no
  /// room for their weights.
  package private(set) lazy var value = allocate(count)
  /// The gradient of the mean loss, same layout as `value`; empty for a statistic.
  package private(set) lazy var gradient = allocate(isTrained ? count : 0)
  private let isTrained: Bool
  private var allocations: [UnsafeMutableBufferPointer<Float>] = []

  package init(_ name: String, _ layout: Layout, _ initialization: Initialization, trained: Bool = true) {
    self.name = name
    self.layout = layout
    self.initialization = initialization
    isTrained = trained
  }

  deinit { allocations.forEach { $0.deallocate() } }

  package var count: Int { layout.count }

  /// Writes the initial numbers, which depend on the seed and the parameter's name alone, so that every cut and every
  /// strategy begins with the same weights.
  package func initialize(seed: UInt64) {
    var generator = SeededGenerator(seed: seed, stream: name)
    switch initialization {
    case .constant(let constant): value.update(repeating: constant)
    case .uniform(let bound): for index in value.indices { value[index] = bound * (2 * generator.uniform() - 1) }
    }
  }

  private func allocate(_ count: Int) -> UnsafeMutableBufferPointer<Float> {
    let raw = UnsafeMutableRawBufferPointer.allocate(byteCount: count * MemoryLayout<Float>.stride, alignment: 64)
    let buffer = raw.bindMemory(to: Float.self)
    buffer.initialize(repeating: 0)
    allocations.append(buffer)
    return buffer
  }
}
