/// What the layers of one network share: the workers, their scratch memory, and the pool of gradients.
package final class ComputeContext {
  package let pool: WorkerPool
  package let gradients = TensorPool()
  private var scratch: [[Tensor]]

  /// - Parameter threads: at least 1.
  package init(threads: Int) {
    pool = WorkerPool(workers: threads)
    scratch = Array(repeating: [], count: threads)
  }

  package var threads: Int { pool.workers }

  /// Makes room for `slots.count` scratch areas for each worker, `slots[i]` values in area i. Areas only
  /// grow: layers run one after the other and share them. What no worker writes to takes no memory.
  package func reserveScratch(_ slots: [Int]) {
    for worker in scratch.indices {
      for (slot, values) in slots.enumerated() {
        if slot == scratch[worker].count {
          scratch[worker].append(Tensor(FeatureShape(channels: max(1, values)), count: 1, zeroed: false))
        } else if scratch[worker][slot].capacity < values {
          scratch[worker][slot] = Tensor(FeatureShape(channels: values), count: 1, zeroed: false)
        }
      }
    }
  }

  /// A worker's scratch area, valid until another layer runs; its values are undefined.
  package func scratch(worker: Int, slot: Int) -> UnsafeMutablePointer<Float> {
    scratch[worker][slot].data
  }
}
