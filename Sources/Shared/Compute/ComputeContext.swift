import Platform

/// What the layers of one network share: the workers, their scratch memory, and the pool of gradients.
package final class ComputeContext {
  package let pool: WorkerPool
  package let gradients = TensorPool()
  /// How the layers convolve.
  package let convolution: ConvolutionMethod
  /// By worker and area.
  private(set) var scratch: [[Tensor]]

  /// - Throws: `ThreadError`.
  package init(_ settings: ComputeSettings) throws(ThreadError) {
    pool = try WorkerPool(workers: settings.threads)
    convolution = settings.convolution
    scratch = Array(repeating: [], count: settings.threads)
  }

  /// - Parameter threads: at least 1.
  /// - Throws: `ThreadError`.
  package convenience init(threads: Int) throws(ThreadError) { try self.init(ComputeSettings(threads: threads)) }

  package var threads: Int { pool.workers }

  /// Makes room for `slots.count` scratch areas for each worker, `slots[i]` values in area i. Areas only grow: layers
  /// run one after the other and share them. What no worker writes to takes no memory.
  package func reserveScratch(_ slots: [Int]) { for worker in scratch.indices { grow(&scratch[worker], slots) } }

  private func grow(_ areas: inout [Tensor], _ slots: [Int]) {
    for (slot, values) in slots.enumerated() {
      if slot == areas.count {
        areas.append(Tensor(FeatureShape(channels: max(1, values)), count: 1, zeroed: false))
      } else if areas[slot].capacity < values {
        areas[slot] = Tensor(FeatureShape(channels: values), count: 1, zeroed: false)
      }
    }
  }

  /// A worker's scratch area, valid until another layer runs; its values are undefined.
  package func scratch(worker: Int, slot: Int) -> UnsafeMutablePointer<Float> { scratch[worker][slot].data }
}

/// What a machine does the computing with.
package struct ComputeSettings: Hashable, Sendable {
  /// Threads at work, at least 1.
  package var threads: Int
  package var convolution: ConvolutionMethod

  package init(threads: Int, convolution: ConvolutionMethod = .im2col) {
    self.threads = threads
    self.convolution = convolution
  }
}
