import Platform
import Synchronization

/// Persistent threads that run one piece of work each, the caller being worker 0.
///
/// Work is split statically, so the same thread count always gives each worker the same part, and with it the same
/// bits. One caller at a time; calls do not nest.
package final class WorkerPool {
  /// Threads at work, the caller included.
  package let workers: Int
  private let state: State
  private let threads: [Thread]

  /// - Parameter workers: at least 1.
  /// - Throws: `ThreadError`.
  package init(workers: Int) throws(ThreadError) {
    precondition(workers >= 1, "a pool needs a worker, not \(workers)")
    self.workers = workers
    let state = State()
    self.state = state
    var threads: [Thread] = []
    do throws(ThreadError) { for worker in 1..<workers { threads.append(try Thread { state.serve(worker) }) } } catch {
      state.stop()
      for thread in threads { thread.join() }
      throw error
    }
    self.threads = threads
  }

  deinit {
    state.stop()
    for thread in threads { thread.join() }
  }

  /// Calls `body` once for each worker, at the same time, and returns when all have returned. Meanwhile all
  /// take subnormal numbers for zero.
  package func run(_ body: (_ worker: Int) -> Void) {
    SubnormalNumbers.flushing {
      guard workers > 1 else { return body(0) }
      withoutActuallyEscaping(body) { body in
        state.begin(body, helpers: workers - 1)
        body(0)
        state.finish()
      }
    }
  }

  /// Splits `0..<count` into one contiguous range a worker, as equal as can be, and calls `body` for those not empty.
  ///
  /// - Parameter grain: ranges begin at multiples of it.
  package func split(_ count: Int, grain: Int = 1, _ body: (_ worker: Int, _ range: Range<Int>) -> Void) {
    run { worker in
      let range = range(of: worker, count: count, grain: grain)
      if !range.isEmpty { body(worker, range) }
    }
  }

  /// The part of `0..<count` that `split` gives to a worker; may be empty.
  package func range(of worker: Int, count: Int, grain: Int = 1) -> Range<Int> {
    Self.range(of: worker, workers: workers, count: count, grain: grain)
  }

  /// The same among so many workers.
  package static func range(of worker: Int, workers: Int, count: Int, grain: Int = 1) -> Range<Int> {
    let grains = (count + grain - 1) / grain
    return min(count, grains * worker / workers * grain)..<min(count, grains * (worker + 1) / workers * grain)
  }
}

extension WorkerPool {
  /// What the threads share; it outlives the pool until they have ended. Sendable without a check: `work` is ordered by
  /// `generation`.
  private final class State: @unchecked Sendable {
    private let generation = Atomic<Int>(0)
    private let pending = Atomic<Int>(0)
    private let stopping = Atomic<Bool>(false)
    /// On which those sleep that have looked long enough; how often they were woken.
    private let wakeUps = Guarded(0)
    /// Written by the caller before `generation` grows, read by the workers after; ordered by that counter.
    private var work: ((Int) -> Void)?

    /// How often a thread looks again before it sleeps: some 10 µs, the usual gap between two parts of a layer.
    private static let spins = 4000

    func begin(_ body: @escaping (Int) -> Void, helpers: Int) {
      work = body
      pending.store(helpers, ordering: .releasing)
      advance()
    }

    func finish() {
      sleepUntil { [self] in pending.load(ordering: .acquiring) == 0 }
      work = nil
    }

    func stop() {
      stopping.store(true, ordering: .releasing)
      advance()
    }

    func serve(_ worker: Int) {
      SubnormalNumbers.flush()
      var seen = 0
      while true {
        sleepUntil { [self] in generation.load(ordering: .acquiring) != seen }
        seen += 1
        if stopping.load(ordering: .acquiring) { return }
        work?(worker)
        if pending.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 { wakeUps.change { $0 &+= 1 } }
      }
    }

    private func advance() {
      wakeUps.change { wakeUps in
        wakeUps &+= 1
        generation.wrappingAdd(1, ordering: .acquiringAndReleasing)
      }
    }

    private func sleepUntil(_ holds: () -> Bool) {
      for _ in 0..<Self.spins where holds() { return }
      wakeUps.wait { _ in holds() ? () : nil }
    }
  }
}
