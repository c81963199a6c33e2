import Platform

/// Numbers below the smallest normal one, 1.2·10⁻³⁸, which many processors compute with a hundred times as slowly.
enum SubnormalNumbers {
  /// Makes the calling thread take and give zero instead. Late in a training, gradients and momenta of what no longer
  /// learns fade through that range: a step then goes on to cost what the first one did.
  static func flush() {
    var environment = fenv_t()
    guard fegetenv(&environment) == 0 else { return }
    #if arch(x86_64)
      // Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, sections 10.2.3.3 and 10.2.3.4.
      let (flushToZero, subnormalsAreZero): (UInt32, UInt32) = (1 << 15, 1 << 6)
      let wanted = environment.__mxcsr | flushToZero | subnormalsAreZero
      if environment.__mxcsr == wanted { return }
      environment.__mxcsr = wanted
    #elseif arch(arm64)
      // Arm Architecture Reference Manual, FPCR.FZ.
      let flushToZero: UInt32 = 1 << 24
      if environment.__fpcr & flushToZero != 0 { return }
      environment.__fpcr |= flushToZero
    #endif
    _ = fesetenv(&environment)
  }
}
