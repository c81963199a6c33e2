import Compute
import Platform

/// Times of several runs of the same work, in seconds.
struct Measurement {
  private let sorted: [Double]

  /// Runs `body` once without counting, then `runs` times.
  init(runs: Int, _ body: () -> Void) {
    body()
    self.init((0..<runs).map { _ in seconds(body) })
  }

  init(_ seconds: some Sequence<Double>) {
    let seconds = Array(seconds)
    precondition(!seconds.isEmpty, "no run was measured")
    sorted = seconds.sorted()
  }

  var median: Double { (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2 }
}

/// How long `body` takes.
func seconds(_ body: () -> Void) -> Double {
  let start = MonotonicClock.seconds()
  body()
  return MonotonicClock.seconds() - start
}

/// What sgemm reaches on this machine: the yardstick of everything else.
struct SgemmPeak {
  /// Multiplications and additions a second, in 10⁹.
  let gigaflops: Double

  /// Each thread multiplies square matrices of 1024, single-threaded products side by side as the layers do it.
  init(threads: Int, runs: Int) throws {
    let side = 1024
    let pool = try WorkerPool(workers: threads)
    let operands = (0..<3 * threads).map { _ in Tensor(FeatureShape(channels: side * side), count: 1) }
    for operand in operands { operand.fillWithNoise(seed: 1) }
    let repeats = 8
    let time = Measurement(runs: max(runs, 5)) {
      pool.run { worker in
        for _ in 0..<repeats {
          GEMM.multiplyAtOnce(
            ProductShape(rows: side, columns: side, inner: side), .init(operands[3 * worker].data, stride: side),
            .init(operands[3 * worker + 1].data, stride: side), into: operands[3 * worker + 2].data, stride: side,
            accumulate: false)
        }
      }
    }
    let operations = 2 * side * side * side * repeats * threads
    gigaflops = Double(operations) / time.median / 1e9
  }
}

extension Tensor {
  /// Uniform noise in `[-1, 1)`.
  func fillWithNoise(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    for index in 0..<values { data[index] = 2 * generator.uniform() - 1 }
  }
}
