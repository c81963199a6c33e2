import Testing

@testable import Terminal

@Suite struct CommaSeparatedTests {
  @Test func quotesWhatNeedsIt() {
    #expect(CommaSeparated.line([]) == "\n")
    #expect(CommaSeparated.line(["a", "", "b c"]) == "a,,b c\n")
    #expect(CommaSeparated.line(["1,5", "say \"no\""]) == "\"1,5\",\"say \"\"no\"\"\"\n")
    #expect(CommaSeparated.line(["two\nlines", "\r"]) == "\"two\nlines\",\"\r\"\n")
  }
}
