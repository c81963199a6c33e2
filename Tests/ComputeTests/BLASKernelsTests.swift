import Compute
import Testing

@Suite struct BLASKernelsTests {
  static let avx2: Set<String> = ["sse2", "avx", "avx2", "fma"]
  static let avx512 = avx2.union(["avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512cd"])

  struct Case: Sendable {
    var chosen: String
    var flags: Set<String>
    var better: String?
  }

  static let cases: [Case] = [
    Case(chosen: "Prescott", flags: avx512, better: "SkylakeX"),
    Case(chosen: "Haswell", flags: avx512, better: "SkylakeX"),
    Case(chosen: "Zen", flags: avx512, better: "SkylakeX"),
    Case(chosen: "SkylakeX", flags: avx512, better: nil),
    Case(chosen: "SKYLAKEX", flags: avx512, better: nil),
    Case(chosen: "Cooperlake", flags: avx512, better: nil),
    Case(chosen: "SapphireRapids", flags: avx512, better: nil),
    Case(chosen: "Prescott", flags: avx2, better: "Haswell"),
    Case(chosen: "Sandybridge", flags: avx2, better: "Haswell"),
    Case(chosen: "Haswell", flags: avx2, better: nil),
    Case(chosen: "Zen", flags: avx2, better: nil),
    Case(chosen: "Haswell", flags: avx512.subtracting(["avx512vl"]), better: nil),
    Case(chosen: "Prescott", flags: avx2.subtracting(["fma"]), better: nil),
    Case(chosen: "Prescott", flags: ["sse2"], better: nil),
    Case(chosen: "Prescott", flags: [], better: nil),
    Case(chosen: "unknown", flags: [], better: nil),
    Case(chosen: "armv8", flags: [], better: nil),
  ]

  @Test(arguments: cases) func choosesByTable(_ row: Case) {
    #expect(BLASKernels.betterChoice(than: row.chosen, flags: row.flags) == row.better)
  }

  /// Else a program would restart itself for ever.
  @Test func isContentWithItsOwnChoice() throws {
    for flags in [Self.avx2, Self.avx512] {
      let better = try #require(BLASKernels.betterChoice(than: "Prescott", flags: flags))
      #expect(BLASKernels.betterChoice(than: better, flags: flags) == nil)
    }
  }

  #if os(Linux) && arch(x86_64)
    @Test func readsTheFlagsOfThisCPU() {
      // Every x86-64 CPU has these.
      #expect(Processors.flags().isSuperset(of: ["fpu", "sse2", "cx8"]))
    }
  #endif
}
