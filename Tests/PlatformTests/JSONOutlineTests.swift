import Testing

@testable import Platform

/// Where values are in JSON, and why one does not fit.
@Suite struct JSONOutlineTests {
  private static func outline(_ json: String) -> JSONOutline? { JSONOutline(Array(json.utf8)) }

  @Test func everyValueHasItsPathAndPlace() throws {
    let json = #" {"a" : [1, -2.5e3 ,{}], "b\n\"":{"c": "x\"}", "d":null}} "#
    let outline = try #require(Self.outline(json))
    let found = outline.values.indices.map {
      outline.path(of: $0).joined(separator: "/") + "="
        + String(decoding: Array(json.utf8)[outline.values[$0].range], as: UTF8.self)
    }
    #expect(
      found == [
        "=" + json.drop { $0 == " " }.dropLast(), "a=[1, -2.5e3 ,{}]", "a/0=1", "a/1=-2.5e3", "a/2={}",
        "b\n\"=" + #"{"c": "x\"}", "d":null}"#, "b\n\"/c=" + #""x\"}""#, "b\n\"/d=null",
      ])
    #expect(outline.repeatedPath == nil)
    #expect(outline.values.map(\.kind) == [.object, .array, .number, .number, .object, .object, .string, .word])
  }

  @Test func membersAreThoseOfTheOutermostObject() throws {
    let outline = try #require(Self.outline(#"{"a" : "x\ny", "b": {"c": 1}, "d": 1.50, "e":false}"#))
    #expect(outline.members.map(\.name) == ["a", "b", "d", "e"])
    #expect(outline.members.map(\.text) == ["x\ny", #"{"c": 1}"#, "1.50", "false"])
    #expect(outline.members.map(\.kind) == [.string, .object, .number, .word])
    #expect(try #require(Self.outline("[1]")).members == [])
  }

  @Test(
    arguments: [
      (#"{"a":1,"b":2,"a":3}"#, ["a"]), (#"{"a":{"b":1,"b":2}}"#, ["a", "b"]), (#"{"a":1,"\u0061":2}"#, ["a"]),
      (#"[{"a":1},{"a":1,"b":1,"b":1}]"#, ["1", "b"]), (#"{"a":{"a":1},"b":{"a":1}}"#, nil), ("[]", nil),
    ] as [(String, [String]?)])
  func repeatedNamesAreFound(json: String, path: [String]?) throws {
    #expect(try #require(Self.outline(json)).repeatedPath == path)
  }

  @Test(arguments: ["", "{", "[1", "[1 2]", "{1:2}", "{\"a\"}", "\"a", "\"\\", "[,]", "{}x", "[]]", "#"])
  func otherTextIsNone(json: String) { #expect(Self.outline(json) == nil) }

  @Test func depthIsLimited() {
    #expect(Self.outline(String(repeating: "[", count: 100_000)) == nil)
  }
}

@Suite struct JSONMismatchTests {
  private struct Sample: Decodable {
    var whole = 0
    var count: UInt64 = 0
    var small: Float = 0
    var large = 0.0
    var text = ""
    var list: [Int] = []
    var inner: Inner?

    struct Inner: Decodable { let whole: Int }
  }

  private static let valid =
    #"{"whole":-1,"count":2,"small":0.5,"large":1e300,"text":"1.5","list":[1,2],"inner":{"whole":3}}"#

  @Test(arguments: [
    (#""whole":-1"#, #""whole":1.5"#, "whole is 1.5, expected a whole number"),
    (#""whole":-1"#, #""whole":1e-1"#, "whole is 1e-1, expected a whole number"),
    (
      #""whole":-1"#, #""whole":9223372036854775808"#,
      "whole is 9223372036854775808, expected a whole number from -9223372036854775808 to 9223372036854775807"
    ),
    (#""whole":-1"#, #""whole": "ten""#, #"whole is "ten", expected a whole number"#),
    (#""whole":-1"#, #""whole":null"#, "whole is null, expected a whole number"),
    (#""whole":-1"#, #""whole":{"a":1}"#, #"whole is {"a":1}, expected a whole number"#),
    (#""whole":-1,"#, "", "whole is nothing, expected a value"),
    (#""count":2"#, #""count":-2"#, "count is -2, expected a whole number of at least 0"),
    (#""count":2"#, #""count":2.5"#, "count is 2.5, expected a whole number of at least 0"),
    (
      #""count":2"#, #""count":18446744073709551616"#,
      "count is 18446744073709551616, expected a whole number of at most 18446744073709551615"
    ),
    (#""small":0.5"#, #""small":1e39"#, "small is 1e39, expected a number closer to 0"),
    (#""large":1e300"#, #""large":1e400"#, "large is 1e400, expected a number closer to 0"),
    (#""large":1e300"#, #""large":true"#, "large is true, expected a number"),
    (#""text":"1.5""#, #""text":1.5"#, "text is 1.5, expected a string"),
    (#""list":[1,2]"#, #""list":[1,2.5]"#, "list.1 is 2.5, expected a whole number"),
    (#""list":[1,2]"#, #""list":[1,[]]"#, "list.1 is [], expected a whole number"),
    (#""list":[1,2]"#, #""list":{}"#, "list is {}, expected an array"),
    (#""inner":{"whole":3}"#, #""inner":{"whole":3.5}"#, "inner.whole is 3.5, expected a whole number"),
    (#""inner":{"whole":3}"#, #""inner":[]"#, "inner is [], expected an object"),
  ])
  func whatDoesNotFitIsNamed(text: String, changed: String, error: String) throws {
    _ = try JSONMismatch.decode(Sample.self, from: Array(Self.valid.utf8))
    let json = Self.valid.split(separator: text, omittingEmptySubsequences: false).joined(separator: changed)
    #expect(json != Self.valid)
    let mismatch = #expect(throws: JSONMismatch.self) {
      try JSONMismatch.decode(Sample.self, from: Array(json.utf8))
    }
    #expect(mismatch?.description == error)
  }

  @Test func oneOfManyIsNamed() {
    let json = #"{"whole":1.5,"count":-2,"small":1e39,"large":1e400,"text":"","list":[]}"#
    #expect(throws: JSONMismatch(path: ["large"], expected: "a number closer to 0", actual: "1e400")) {
      try JSONMismatch.decode(Sample.self, from: Array(json.utf8))
    }
  }

  @Test(arguments: ["", "{", "{\"whole\":1.5", "nonsense"])
  func whatIsNoJSONIsSaid(json: String) {
    let mismatch = #expect(throws: JSONMismatch.self) {
      try JSONMismatch.decode(Sample.self, from: Array(json.utf8))
    }
    #expect(mismatch?.path == [] && mismatch?.expected == "valid JSON")
  }

  /// Half a megabyte of values, all of them 500 arrays deep: the one that does not fit is found without a walk from
  /// each of them to the top, which took minutes.
  @Test func deepValuesTakeNoLongerThanOthers() {
    let (open, close) = (String(repeating: "[", count: 500), String(repeating: "]", count: 500))
    let json = #"{"whole":"x","deep":\#(open)\#(String(repeating: "1,", count: 250_000))1\#(close)}"#
    struct One: Decodable { let whole: Int }
    #expect(throws: JSONMismatch(path: ["whole"], expected: "a whole number", actual: "\"x\"")) {
      try JSONMismatch.decode(One.self, from: Array(json.utf8))
    }
  }

  @Test func ofSeveralValuesTheLastIsFound() throws {
    let json = Array(#"{"a":{"b":1},"a":{"b":22},"a":{},"b":3}"#.utf8)
    let outline = try #require(JSONOutline(json))
    #expect(outline.range(at: ["a", "b"]) == 22..<24)
    #expect(outline.range(at: ["a"]) == 30..<32)
    #expect(outline.range(at: []) == json.indices)
    #expect(outline.range(at: ["a", "b", "c"]) == nil)
    #expect(outline.range(at: ["c"]) == nil)
  }

  /// The decoder accepts each of them; whoever goes by the outline must not take nil for "nothing to be found".
  @Test(arguments: ["{\"whole\":1,\"list\":[1,]}", "{\"whole\":1,\"text\":\"\\ud800\"}"])
  func whatTheDecoderLetsPassHasNoOutline(json: String) throws {
    struct One: Decodable { let whole: Int }
    #expect(try JSONMismatch.decode(One.self, from: Array(json.utf8)).whole == 1)
    #expect(JSONOutline(Array(json.utf8))?.values == nil)
  }
}
