import Foundation
import Testing

@testable import Terminal

@Suite struct RunsFormattingTests {
  @Test(arguments: [
    (0.0, 2, "0.00"), (-0.0, 2, "0.00"), (-0.001, 2, "0.00"), (-0.006, 2, "-0.01"), (1.5, 0, "2"),
    (2.5, 0, "3"), (0.125, 2, "0.13"), (-0.125, 2, "-0.13"), (0.999, 2, "1.00"), (9.996, 2, "10.00"),
    (-99.999, 2, "-100.00"), (1.005, 2, "1.00"), (1.115, 2, "1.11"), (0.285, 2, "0.28"), (1.05, 3, "1.050"),
    (0.000_000_001, 9, "0.000000001"), (123_456.789, 1, "123456.8"), (4e15, 2, "4000000000000000.00"),
    (1e300, 2, "1e+300"), (.nan, 2, "-"), (.infinity, 2, "inf"), (-.infinity, 1, "-inf"),
    (.leastNonzeroMagnitude, 4, "0.0000"),
  ])
  func fixed(value: Double, decimals: Int, expected: String) {
    #expect(Formatting.fixed(value, decimals: decimals) == expected)
  }

  @Test func fixedAgreesWithTheCLibraryExceptAtHalves() {
    var state: UInt64 = 1
    for _ in 0..<2000 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let value = (Double(state >> 11) * 0x1p-53 - 0.5) * 2000
      for decimals in [0, 1, 2, 4] {
        var expected = String(format: "%.\(decimals)f", value)
        if expected.allSatisfy({ "-0.".contains($0) }) { expected.removeAll { $0 == "-" } }
        #expect(Formatting.fixed(value, decimals: decimals) == expected)
      }
    }
  }

  @Test(arguments: [
    (0, "0 B"), (999, "999 B"), (1000, "1.0 KB"), (999_949, "999.9 KB"), (999_950, "1.0 MB"),
    (12_345_678, "12.3 MB"), (999_999_999, "1.0 GB"), (4_000_000_000, "4.0 GB"),
    (2_500_000_000_000, "2.5 TB"), (-1500, "-1.5 KB"), (Int.max, "9223372.0 TB"), (Int.min, "-9223372.0 TB"),
  ])
  func bytes(count: Int, expected: String) { #expect(Formatting.bytes(count) == expected) }

  @Test(arguments: [
    (0.0, "0:00"), (7.4, "0:07"), (59.6, "1:00"), (754, "12:34"), (3599.5, "1:00:00"), (3723, "1:02:03"),
    (360_000, "100:00:00"), (-1, "-"), (.nan, "-"), (.infinity, "-"), (1e300, "-"),
  ])
  func duration(seconds: Double, expected: String) {
    #expect(Formatting.duration(seconds: seconds) == expected)
  }

  @Test func percent() {
    #expect(Formatting.percent(0.79684) == "79.68 %")
    #expect(Formatting.percent(1) == "100.00 %")
    #expect(Formatting.percent(nil) == "-")
    #expect(Formatting.percent(.nan) == "-")
  }

  @Test func controlCharactersAreEscaped() {
    #expect(Formatting.singleLine("plain ä €") == "plain ä €")
    #expect(
      Formatting.singleLine("a\r\nb\tc\u{1b}[2J\u{7f}\u{9b}\u{2028}")
        == #"a\r\nb\tc\u{1b}[2J\u{7f}\u{9b}\u{2028}"#)
  }

  @Test func table() {
    var table = TextTable([.init("side"), .init("accuracy", .right), .init("note")])
    table.append(["edge", "79.68 %", "exit"])
    table.append(["cloud machine", "100.00 %", ""])
    #expect(
      table.rendered() == """
        side           accuracy  note
        -------------  --------  ----
        edge            79.68 %  exit
        cloud machine  100.00 %

        """)
  }

  /// Columns stay below each other on a terminal, where some characters take two of its columns, and some none.
  @Test func wideCharactersInATable() {
    var table = TextTable([.init("run"), .init("bits", .right), .init("state")])
    for name in ["plain", "東京", "w한글", "🚀x", "👩‍👩‍👧", "❤️", "e\u{301}", "🇯🇵"] { table.append([name, "4", "completed"]) }
    #expect(
      table.rendered() == """
        run     bits  state
        ------  ----  ---------
        plain      4  completed
        東京       4  completed
        w한글      4  completed
        🚀x        4  completed
        👩‍👩‍👧     4  completed
        ❤️          4  completed
        e\u{301}          4  completed
        🇯🇵         4  completed

        """)
  }

  @Test(arguments: [
    ("", 0), ("abc", 3), ("é", 1), ("ä€", 2), ("漢字", 4), ("ｶﾅ", 2), ("カナ", 4), ("✅", 2), ("©", 1), ("☎️", 1), ("−…", 2),
    ("👩‍👩‍👧", 6), ("👍🏽", 4), ("❤️", 1), ("क्ष", 2), ("🇯🇵", 2), ("한", 2), ("a\u{ad}b", 3), ("〈〉", 4), ("\u{2329}", 2),
  ])
  func columns(text: String, expected: Int) { #expect(DisplayWidth.columns(text) == expected) }

  @Test func shortenedToColumns() {
    #expect(Formatting.shortened("a  b\nc", to: 5) == "a b c")
    #expect(Formatting.shortened("abcdef", to: 5) == "abcd…")
    #expect(Formatting.shortened("漢字漢字", to: 6) == "漢字…")
    #expect(Formatting.shortened("漢字漢字", to: 8) == "漢字漢字")
  }

  /// A table of names and values in a narrow window: no line is broken by the terminal.
  @Test func namesAndValuesInFewerColumns() {
    var table = TextTable([.init("run"), .init("20261127-175648-d7f4ea", .right)])
    table.append(["name", "漢字漢字漢字漢字漢字漢字"])
    table.append(["network", "vgg8, cut after block 2"])
    table.append(["training: busy, idle", "14.0 s, 0.1 s"])
    #expect(table.rendered(width: nil) == table.rendered())
    #expect(table.rendered(width: 46) == table.rendered())
    #expect(
      table.rendered(width: 40) == """
        run               20261127-175648-d7f4ea
        ----------------------------------------
        name            漢字漢字漢字漢字漢字漢字
        network          vgg8, cut after block 2
        training: busy, idle       14.0 s, 0.1 s

        """)
    #expect(
      table.rendered(width: 23) == """
        run
         20261127-175648-d7f4ea
        -----------------------
        name
         漢字漢字漢字漢字漢字漢
                             字
        network
        vgg8, cut after block 2
        training: busy, idle
                  14.0 s, 0.1 s

        """)
    for width in 1...46 {
      let lines = table.rendered(width: width).split(separator: "\n")
      #expect(width < 2 || lines.allSatisfy { DisplayWidth.columns(String($0)) <= width }, "\(width): \(lines)")
    }
    var untitled = TextTable([.init("prediction"), .init("", .right)])
    untitled.append(["test images", "32 in batches of 16"])
    #expect(untitled.rendered(width: 20).hasPrefix("prediction\n----"))
  }
}
