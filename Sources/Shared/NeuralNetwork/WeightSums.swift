import Compute

/// The gradient of weights, `[rows, columns]`, as the workers sum it: each its own columns, over the lines of its
/// group; the first group in place, the others in scratch memory.
struct WeightSums {
  private let context: ComputeContext
  private let partition: WorkPartition
  private let rows: Int
  private let columns: Int
  /// Scratch area of a worker for `room` values.
  private let slot: Int

  init(_ context: ComputeContext, _ partition: WorkPartition, rows: Int, columns: Int, slot: Int) {
    self.context = context
    self.partition = partition
    self.rows = rows
    self.columns = columns
    self.slot = slot
  }

  /// Values that the sum of a worker takes.
  static func room(_ partition: WorkPartition, rows: Int, columns: Int) -> Int {
    partition.tileGroups > 1 ? rows * columns : 0
  }

  /// Where a worker sums: the first of its columns, and the values from one row to the next.
  func place(of worker: Int, in gradient: UnsafeMutablePointer<Float>) -> (
    base: UnsafeMutablePointer<Float>, stride: Int
  ) {
    let own = partition.columns(of: worker)
    return partition.tileGroup(of: worker) == 0
      ? (gradient + own.lowerBound, columns) : (context.scratch(worker: worker, slot: slot), own.count)
  }

  /// Adds the sums of the other groups to those of the first, in their order, when all have done their lines.
  func add(lines: Int, into gradient: UnsafeMutablePointer<Float>) {
    guard partition.tileGroups > 1 else { return }
    if partition.lines(of: 0, of: lines).isEmpty { gradient.update(repeating: 0, count: rows * columns) }
    context.pool.split(rows) { _, rows in
      for worker in 0..<context.threads where partition.tileGroup(of: worker) > 0 {
        if partition.lines(of: worker, of: lines).isEmpty { continue }
        let sum = context.scratch(worker: worker, slot: slot)
        let own = partition.columns(of: worker)
        for row in rows {
          let source = sum + row * own.count
          let target = gradient + row * columns + own.lowerBound
          for column in 0..<own.count { target[column] += source[column] }
        }
      }
    }
  }
}
