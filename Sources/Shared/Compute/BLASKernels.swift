import Platform

/// The choice of OpenBLAS's kernels.
///
/// OpenBLAS chooses when it is loaded, by a table of CPU models. A CPU that is newer than the library falls through to
/// the kernels of an old one: Debian 12's 0.3.21 runs an AVX-512 machine at half its speed (Haswell kernels) or a fifth
/// (Prescott). The variable `OPENBLAS_CORETYPE` overrides the table, but only before the library is loaded.
package enum BLASKernels {
  /// The override that would help, or nil if OpenBLAS chose well or the CPU is not x86-64.
  ///
  /// - Parameters:
  ///   - chosen: the kernel set that OpenBLAS reports.
  ///   - flags: the CPU's feature flags, as Linux spells them.
  package static func betterChoice(than chosen: String, flags: Set<String>) -> String? {
    let avx512 = ["skylakex", "cooperlake", "sapphirerapids"]
    let avx2 = avx512 + ["haswell", "zen"]
    let chosen = chosen.lowercased()
    if flags.isSuperset(of: ["avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512cd"]) {
      return avx512.contains(chosen) ? nil : "SkylakeX"
    }
    if flags.isSuperset(of: ["avx2", "fma"]) { return avx2.contains(chosen) ? nil : "Haswell" }
    return nil
  }

  /// What the user has set `OPENBLAS_CORETYPE` to; nil if it is not set, or empty, which OpenBLAS takes for the same.
  package static var userChoice: String? {
    getenv("OPENBLAS_CORETYPE").map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
  }

  /// Restarts this program once, with `OPENBLAS_CORETYPE` set, if OpenBLAS misjudged the CPU and the user did not
  /// choose. Returns if there is nothing to do, or if the restart fails (the kernels are then slow, not wrong).
  package static func restartIfMisjudged(arguments: [String] = CommandLine.arguments) {
    guard userChoice == nil,
      let better = betterChoice(than: GEMM.kernelName, flags: Processors.flags())
    else { return }
    setenv("OPENBLAS_CORETYPE", better, 1)
    var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
    pointers.append(nil)
    // By its real path, so that ps and pkill go on to know the program by its name.
    var path = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    if readlink("/proc/self/exe", &path, path.count - 1) > 0 { execv(path, pointers) }
    execv("/proc/self/exe", pointers)
    pointers.forEach { free($0) }
  }
}
