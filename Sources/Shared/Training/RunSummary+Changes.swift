import Compute
import RunFiles

extension RunSummary {
  /// What makes other bits, now that this run goes on: one line each.
  package func changes(for compute: ComputeSettings) -> [String] {
    [
      ("kernels", GEMM.kernelName, kernels), ("threads", "\(compute.threads)", "\(threads)"),
      ("convolutions", compute.convolution.rawValue, convolution.rawValue),
    ].filter { $1 != $2 }.map { "\($0): \($1), but \($2) before; the bits of the weights will differ" }
  }
}
