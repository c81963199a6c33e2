import Compute
import Testing

@Suite struct SeededGeneratorTests {
  /// Another transcription of the published algorithm (https://prng.di.unimi.it/splitmix64.c).
  struct SplitMix64 {
    var x: UInt64
    mutating func next() -> UInt64 {
      x = x &+ 0x9e37_79b9_7f4a_7c15
      var z = x
      z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
      return z ^ (z >> 31)
    }
  }

  static func fnv1a(_ text: String) -> UInt64 {
    text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
  }

  @Test func theTranscriptionsGiveThePublishedValues() {
    var reference = SplitMix64(x: 1_234_567)
    let published: [UInt64] = [
      6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
      4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
    ]
    #expect(published.map { _ in reference.next() } == published)
    #expect(Self.fnv1a("a") == 0xaf63_dc4c_8601_ec8c)
    #expect(Self.fnv1a("foobar") == 0x8594_4171_f739_67e8)
  }

  @Test(arguments: [0, 1, 42, UInt64.max], ["", "shuffle", "features.0.weight"])
  func followsTheReference(seed: UInt64, stream: String) {
    var first = SplitMix64(x: seed)
    var second = SplitMix64(x: first.next() ^ Self.fnv1a(stream))
    var reference = SplitMix64(x: second.next())
    var generator = SeededGenerator(seed: seed, stream: stream)
    for index in 0..<100 { #expect(generator.next() == reference.next(), "number \(index)") }
  }

  /// From a third transcription, in Python: every run ever logged depends on these numbers.
  @Test func firstValues() {
    let goldens: [(UInt64, String, [UInt64])] = [
      (0, "", [0xa6bb_c8dc_be30_928c, 0x02bd_0b4f_1917_57fa, 0x5453_aace_b759_9bf3]),
      (42, "shuffle", [0xe7ab_7447_3242_2c2a, 0x21f4_4605_30b0_3751, 0x04ce_b7ab_a9be_f144]),
      (7, "features.0.weight", [0x07d2_a056_e221_1c39, 0xee21_9004_e3f5_3450, 0x32ef_899e_3fd1_4117]),
    ]
    for (seed, stream, values) in goldens {
      var generator = SeededGenerator(seed: seed, stream: stream)
      #expect(values.map { _ in generator.next() } == values, "seed \(seed), stream \(stream)")
    }
  }

  @Test func sameSeedAndStreamGiveTheSameNumbers() {
    var one = SeededGenerator(seed: 3, stream: "a")
    var other = SeededGenerator(seed: 3, stream: "a")
    #expect((0..<1000).allSatisfy { _ in one.normal() == other.normal() })
  }

  @Test func anotherSeedOrStreamGivesOtherNumbers() {
    var draws: Set<UInt64> = []
    for seed: UInt64 in [0, 1, 2] {
      for stream in ["", "a", "b", "ab", "ba"] {
        var generator = SeededGenerator(seed: seed, stream: stream)
        for _ in 0..<100 { draws.insert(generator.next()) }
      }
    }
    #expect(draws.count == 3 * 5 * 100)
  }

  @Test func uniformNumbersFillTheUnitInterval() {
    var generator = SeededGenerator(seed: 5)
    let draws = (0..<20_000).map { _ in generator.uniform() }
    #expect(draws.allSatisfy { $0 >= 0 && $0 < 1 })
    var bins = [Int](repeating: 0, count: 10)
    for draw in draws where draw >= 0 && draw < 1 { bins[Int(draw * 10)] += 1 }
    #expect(bins.allSatisfy { abs($0 - 2000) <= 200 }, "\(bins)")  // 4.7 standard deviations
  }

  @Test func normalNumbersHaveTheirMoments() {
    var generator = SeededGenerator(seed: 6)
    let count = 20_000
    let draws = (0..<count).map { _ in Double(generator.normal()) }
    let mean = draws.reduce(0, +) / Double(count)
    let variance = draws.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count)
    let beyondTwo = draws.filter { abs($0) > 2 }.count
    #expect(draws.allSatisfy { $0.isFinite })
    #expect(abs(mean) <= 0.03)
    #expect(abs(variance - 1) <= 0.05)
    #expect(abs(Double(beyondTwo) / Double(count) - 0.0455) <= 0.007)
  }
}
