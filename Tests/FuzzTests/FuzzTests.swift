import Testing

/// What the fuzzer begins with, and what it has found: without a fuzzer, in every run of the tests.
@Suite struct FuzzTests {
  @Test(arguments: FuzzTarget.all.map(\.name)) func seedsAreReadAsTheyShould(name: String) throws {
    let target = try #require(FuzzTarget.all.first { $0.name == name })
    for seed in try target.seeds() {
      #expect(throws: Never.self, "\(seed)") { try target.run(seed) }
      // Cut off, and with a byte changed.
      for place in Set([0, 1, 7, seed.count / 2, seed.count - 1]) where seed.indices.contains(place) {
        #expect(throws: Never.self) { try target.run(Array(seed[..<place])) }
        var changed = seed
        changed[place] ^= 0x81
        #expect(throws: Never.self) { try target.run(changed) }
      }
    }
  }

  @Test func whatHasFailedIsReadAsItShould() throws {
    for (name, input) in FailedInputs.all {
      let target = try #require(FuzzTarget.all.first { $0.name == name })
      #expect(throws: Never.self, "\(name) \(input)") { try target.run(input) }
    }
  }
}
