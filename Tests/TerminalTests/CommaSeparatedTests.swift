import Testing

@testable import Terminal

@Suite struct CommaSeparatedTests {
  @Test(
    arguments: [
      ([], "\n"), (["a", "", "b c"], "a,,b c\n"),
      (["1,5", "say \"no\"", "two\nlines"], "\"1,5\",\"say \"\"no\"\"\",\"two\nlines\"\n"),
    ] as [([String], String)])
  func quotesWhatNeedsIt(fields: [String], line: String) { #expect(CommaSeparated.line(fields) == line) }
}
