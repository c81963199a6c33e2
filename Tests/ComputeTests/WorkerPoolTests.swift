import Compute
import Glibc
import Platform
import TestSupport
import Testing

@Suite struct WorkerPoolTests {
  static let workerCounts = [1, 2, 3, 5]

  @Test(arguments: workerCounts) func everyWorkerRunsOnce(workers: Int) throws {
    let pool = try WorkerPool(workers: workers)
    #expect(pool.workers == workers)
    for _ in 0..<10 {
      let calls = Counters(workers)
      pool.run { calls.add(1, to: $0) }
      #expect(calls.values == Array(repeating: 1, count: workers))
    }
  }

  @Test(arguments: workerCounts) func workersAreThreadsAndTheCallerIsTheFirst(workers: Int) throws {
    let pool = try WorkerPool(workers: workers)
    let threads = Counters(workers)
    pool.run { threads.add(currentThread(), to: $0) }
    #expect(Set(threads.values).count == workers)
    #expect(threads.values[0] == currentThread())
  }

  @Test(arguments: workerCounts) func splitCoversEachIndexOnce(workers: Int) throws {
    let pool = try WorkerPool(workers: workers)
    for count in [0, 1, 2, 3, 4, 5, 15, 16, 17, 100, 257, 715] {
      for grain in [1, 2, 7, 16, 300] {
        let ranges = Ranges()
        pool.split(count, grain: grain) { ranges.add($0, $1) }
        let sorted = ranges.byWorker
        let name: Comment = "\(count) in grains of \(grain): \(sorted)"
        // In the order of the workers, without gap or overlap, from 0 to count, none empty.
        #expect(sorted.reduce(0) { $1.range.lowerBound == $0 ? $1.range.upperBound : -1 } == count, name)
        #expect(sorted.allSatisfy { !$0.range.isEmpty && $0.range.lowerBound % grain == 0 }, name)
        #expect(Set(sorted.map(\.worker)).count == sorted.count, name)
        // As equal as can be: no worker has two grains more than another.
        let grains = sorted.map { ($0.range.count + grain - 1) / grain }
        let fewest = sorted.count < workers ? 0 : grains.min() ?? 0
        #expect((grains.max() ?? 0) - fewest <= 1, name)
      }
    }
  }

  @Test func splitIsStatic() throws {
    let pool = try WorkerPool(workers: 3)
    for _ in 0..<100 {
      let ranges = Ranges()
      pool.split(100, grain: 16) { ranges.add($0, $1) }
      #expect(ranges.byWorker.map(\.range) == [0..<32, 32..<64, 64..<100])
    }
  }

  @Test(arguments: workerCounts) func thousandsOfRunsInARow(workers: Int) throws {
    let pool = try WorkerPool(workers: workers)
    let sums = Counters(workers)
    for _ in 0..<5000 { pool.run { sums.add(1, to: $0) } }
    #expect(sums.values == Array(repeating: 5000, count: workers))
  }

  @Test func runsAfterTheWorkersFellAsleep() throws {
    let pool = try WorkerPool(workers: 3)
    let calls = Counters(3)
    for late in [0, 1, 2, 0, 2, 1] {
      pool.run { worker in
        if worker == late { usleep(20_000) }  // longer than the others spin
        calls.add(1, to: worker)
      }
    }
    #expect(calls.values == [6, 6, 6])
  }

  @Test func whatAWorkerWroteIsSeenAfterwards() throws {
    let pool = try WorkerPool(workers: 2)
    let values = Tensor(FeatureShape(channels: 1000), count: 1)
    for step in 1...100 {
      pool.split(values.values) { _, range in
        for index in range { values.data[index] += 1 }
      }
      let wrong = values.buffer.first { $0 != Float(step) }
      #expect(wrong == nil, "step \(step)")
    }
  }

  @Test(arguments: workerCounts) func endOfThePoolJoinsItsThreads(workers: Int) throws {
    // The C library calls the key's destructor in each thread that ends after it set the key.
    let ended = Counters(1)
    var key = pthread_key_t()
    pthread_key_create(&key) { value in
      let value: UnsafeMutableRawPointer? = value
      if let value { Unmanaged<Counters>.fromOpaque(value).takeUnretainedValue().add(1, to: 0) }
    }
    defer { pthread_key_delete(key) }
    let mine = key
    try withExtendedLifetime(WorkerPool(workers: workers)) { pool in
      pool.run { worker in
        if worker > 0 { pthread_setspecific(mine, Unmanaged.passUnretained(ended).toOpaque()) }
      }
      #expect(ended.values == [0])
    }
    #expect(ended.values == [workers - 1])
  }

  @Test func poolsThatNeverRanEndToo() throws {
    for workers in 1...5 { _ = try WorkerPool(workers: workers) }
  }

  /// What would be a subnormal number is zero, in every worker, also in sgemm; the caller goes on with such numbers.
  @Test(arguments: [1, 3]) func subnormalNumbersAreZero(workers: Int) throws {
    let bits = Guarded<[UInt32]>([])
    // A new thread, whose way of computing nobody has changed; threads that it starts inherit it.
    try Thread {
      guard let pool = try? WorkerPool(workers: workers) else { return }
      let small = Tensor(FeatureShape(channels: 2), [.leastNormalMagnitude, 0.5])
      let products = Tensor(FeatureShape(channels: 2), count: workers + 1)
      products.buffer.update(repeating: 1)
      func multiply(_ place: Int) {
        products.data[2 * place] = small.data[0] * small.data[1]
        GEMM.multiply(rows: 1, columns: 1, inner: 1, small.data, small.data + 1, into: products.data + 2 * place + 1)
      }
      pool.run { multiply($0) }
      multiply(workers)
      bits.change { $0 = products.buffer.map(\.bitPattern) }
    }.join()
    let subnormal = (Float.leastNormalMagnitude / 2).bitPattern
    #expect(
      bits.withLock { $0 } == Array(repeating: 0, count: 2 * workers) + [subnormal, subnormal])
  }
}

private func currentThread() -> Int { Int(bitPattern: pthread_self()) }

/// Counters that several threads change.
private final class Counters: Sendable {
  private let storage: Guarded<[Int]>
  init(_ count: Int) { storage = Guarded(Array(repeating: 0, count: count)) }
  func add(_ amount: Int, to index: Int) { storage.withLock { $0[index] &+= amount } }
  var values: [Int] { storage.withLock { $0 } }
}

/// The ranges that several threads were given.
private final class Ranges: Sendable {
  private let storage = Guarded<[(worker: Int, range: Range<Int>)]>([])
  func add(_ worker: Int, _ range: Range<Int>) { storage.withLock { $0.append((worker, range)) } }
  var byWorker: [(worker: Int, range: Range<Int>)] {
    storage.withLock { $0.sorted { $0.worker < $1.worker } }
  }
}
