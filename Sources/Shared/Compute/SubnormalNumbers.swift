import Platform

/// Numbers below the smallest normal one, 1.2·10⁻³⁸, which many processors compute with a hundred times as slowly.
///
/// Late in a training, gradients and momenta of what no longer learns fade through that range. Where they are taken for
/// zero, a step goes on to cost what the first one did.
enum SubnormalNumbers {
  /// Makes the calling thread take and give zero instead.
  ///
  /// - Returns: how it computed before; nil if the system does not tell, and nothing has changed.
  @discardableResult static func flush() -> fenv_t? {
    var before = fenv_t()
    guard fegetenv(&before) == 0 else { return nil }
    var environment = before
    #if arch(x86_64)
      // Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, sections 10.2.3.3 and 10.2.3.4.
      let (flushToZero, subnormalsAreZero): (UInt32, UInt32) = (1 << 15, 1 << 6)
      environment.__mxcsr |= flushToZero | subnormalsAreZero
    #elseif arch(arm64)
      // Arm Architecture Reference Manual, FPCR.FZ.
      environment.__fpcr |= 1 << 24
    #endif
    _ = fesetenv(&environment)
    return before
  }

  /// Calls `body` on this thread with subnormal numbers taken for zero: what else runs on it, such as the codec of
  /// activations, depends on them.
  static func flushing(_ body: () -> Void) {
    let before = flush()
    body()
    if var before { _ = fesetenv(&before) }
  }
}
