import Foundation
import Testing

@testable import Transport

@Suite struct RunIdentifierTests {
  @Test func generatedOnesNameTheTimeAndAreValid() throws {
    struct Fixed: RandomNumberGenerator { mutating func next() -> UInt64 { 0xabc_0000_1234 } }
    var random = Fixed()
    let identifier = RunIdentifier.generate(secondsSince1970: 1_795_421_702.9, using: &random)
    #expect(identifier.description == "20261123-081502-001234")
    #expect(try RunIdentifier(validating: identifier.description) == identifier)
    #expect(RunIdentifier.generate() != RunIdentifier.generate())
  }

  @Test(arguments: ["a", "A-9", "-", "a.b", "a_b", "a..", String(repeating: "z", count: 64)])
  func accepts(text: String) throws {
    #expect(try RunIdentifier(validating: text).description == text)
  }

  @Test(arguments: [
    "../x", "a/b", "/etc", "a b", "a\0", "a\n", "ä", "a\u{301}", "٣", "C:\\x", "~",
  ])
  func refusesCharacters(text: String) {
    #expect {
      try RunIdentifier(validating: text)
    } throws: {
      if case .character? = $0 as? RunIdentifierError { true } else { false }
    }
  }

  @Test(arguments: [".", "..", ".x"])
  func refusesALeadingDot(text: String) {
    #expect(throws: RunIdentifierError.leadingDot) { try RunIdentifier(validating: text) }
  }

  @Test func refusesLengths() {
    #expect(throws: RunIdentifierError.length(0)) { try RunIdentifier(validating: "") }
    #expect(throws: RunIdentifierError.length(65)) {
      try RunIdentifier(validating: String(repeating: "a", count: 65))
    }
  }

  @Test func decodingValidates() throws {
    let decoder = JSONDecoder()
    #expect(try decoder.decode([RunIdentifier].self, from: Data(#"["a-1"]"#.utf8))[0].description == "a-1")
    #expect(throws: DecodingError.self) {
      try decoder.decode([RunIdentifier].self, from: Data(#"["../a"]"#.utf8))
    }
  }
}
