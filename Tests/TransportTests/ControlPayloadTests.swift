import Testing

@testable import Transport

/// Every field of the JSON payloads: what is missing or out of its range is an error that names it.
@Suite struct ControlPayloadTests {
  /// One valid payload of each kind.
  static let valid: [FrameType: String] = [
    .hello: #"{"configuration":{},"exchange":"activations","protocol_version":7,"resume":{"answered":7,"first":5},"#
      + #""run_id":"r1","timeout_seconds":60,"window":4}"#,
    .welcome: #"{"clock":{"hello_received":1,"welcome_sent":2},"maximum_frame_bytes":24,"#
      + #""resume":{"applied":9,"epoch":2,"steps":3,"test_batches":1},"software_version":"0","timeout_seconds":60}"#,
    .refusal: #"{"code":"cannot-resume","reason":"x"}"#,
    .acknowledgement: #"{"correct":1,"loss":0.5,"sequence":7}"#,
    .epochEnd: #"{"epoch":1,"exit_correct":1,"exit_count":2,"#
      + #""sent":{"control":5,"evaluation":2,"framing":4,"gradient":3,"payload":1},"sequence":10,"steps":6}"#,
    .epochReport: "{\(report)}",
    .goodbye: #"{"reason":"completed"}"#,
    .failure: #"{"code":"x","reason":"y"}"#,
    .probe: #"{"configuration":{},"steps":16}"#,
    .probeReport: #"{"peak_memory_bytes":0,"seconds_per_step":1,"seconds_to_gradient":0.5,"steps":16}"#,
    .durable: #"{"sequence":9}"#,
    .replay: #"{"correct":[1,2],"first":8,"losses":[0.5,0.25],"report":{"# + report + "}}",
    .alive: "{}",
    .checkpoint: #"{"number":2,"sequence":7}"#,
    .weightsRequest: #"{"sha256":"\#(testDigest)"}"#,
  ]
  /// Where gradients are exchanged.
  private static let splitHello =
    #"{"configuration":{},"exchange":"gradients","protocol_version":7,"resume":{"answered":7,"first":5,"#
    + #""positions":[4,6,7]},"run_id":"r1","timeout_seconds":60,"window":1}"#
  private static let report =
    #""busy_seconds":1,"epoch":1,"final_correct":2,"final_count":3,"final_loss":0.75,"idle_seconds":2,"#
    + #""mean_training_loss":1.25,"received":{"control":5,"evaluation":2,"framing":4,"gradient":3,"payload":1},"#
    + #""sent":{"control":6,"evaluation":0,"framing":7,"gradient":0,"payload":0}"#

  @Test func validPayloads() throws {
    #expect(Set(Self.valid.keys) == Set(FrameType.allCases.filter { !$0.isBatch }))
    for (type, json) in Self.valid { #expect(try decode(type, json).type == type) }
  }

  /// What a field holds.
  enum Kind: Sendable {
    case count, record, number, other

    /// Values that are refused with an error that names the field.
    var wrong: [String] {
      switch self {
      case .count: ["-1", #""1""#, "9007199254740993", "0.5", "100000000000000000000"]
      case .record: ["-1", #""1""#, "9007199254740993", "0.5", "100000000000000000000"]
      case .number: [#""NaN""#, "null", "1e400"]
      case .other: []
      }
    }
  }

  /// The values of a field that are refused, beside none at all.
  struct Field: Sendable, CustomTestStringConvertible {
    let type: FrameType
    /// The whole payload.
    let json: String
    /// The valid text, key and value.
    let text: String
    let wrong: [String]
    /// The path that the error names.
    let path: String
    let isOptional: Bool

    init(
      _ type: FrameType, _ text: String, _ kind: Kind, also wrong: [String] = [], in object: String = "",
      of json: String? = nil, isOptional: Bool = false
    ) {
      self.json = json ?? valid[type] ?? ""
      (self.type, self.text, self.isOptional) = (type, text, isOptional)
      self.wrong = wrong + kind.wrong.filter { !isOptional || $0 != "null" }
      path = object + text.split(separator: "\"", omittingEmptySubsequences: false)[1]
    }

    var testDescription: String { "\(path) of \(type)" }
  }

  static let fields: [Field] = [
    Field(.hello, #""protocol_version":7"#, .other, also: ["6", "8"]),
    Field(.hello, #""run_id":"r1""#, .other, also: [#""""#, #""../x""#, #"".x""#, "1"]),
    Field(.hello, #""window":4"#, .count, also: ["0", "1025"]),
    Field(.hello, #""exchange":"activations""#, .other, also: [#""weights""#, "1"]),
    Field(.hello, #""resume":{"answered":7,"first":5}"#, .other, also: ["7", "[]"], isOptional: true),
    Field(.hello, #""answered":7"#, .record, in: "resume."),
    Field(.hello, #""first":5"#, .record, also: ["0"], in: "resume."),
    Field(
      .hello, #""positions":[4,6,7]"#, .other,
      also: ["7", "null", "[6,4,7]", "[4,7,6]", "[4,6,6,7]", "[4,7,7]", "[4,4,7]", "[3,7]", "[5,7]", "[4,6]", "[4,8]"],
      in: "resume.", of: splitHello),
    Field(.hello, #""answered":7"#, .record, in: "resume.", of: splitHello),
    Field(.hello, #""first":5"#, .record, also: ["0"], in: "resume.", of: splitHello),
    Field(.hello, #""window":1"#, .count, also: ["0", "2"], of: splitHello),
    Field(.hello, #""timeout_seconds":60"#, .other, also: ["0", "-1", "1.1e9", #""60""#]),
    Field(.welcome, #""maximum_frame_bytes":24"#, .count, also: ["23"]),
    Field(.welcome, #""applied":9"#, .record, in: "resume."),
    Field(.welcome, #""epoch":2"#, .count, also: ["0"], in: "resume."),
    Field(.welcome, #""steps":3"#, .count, in: "resume."),
    Field(.welcome, #""test_batches":1"#, .count, in: "resume."),
    Field(.welcome, #""timeout_seconds":60"#, .other, also: ["0", "-1", "1.1e9", #""60""#]),
    Field(.welcome, #""software_version":"0""#, .other, also: ["1"]),
    Field(.welcome, #""hello_received":1"#, .number, in: "clock."),
    Field(.refusal, #""code":"cannot-resume""#, .other, also: [#""tired""#, "1"]),
    Field(.refusal, #""reason":"x""#, .other, also: ["1"]),
    Field(.acknowledgement, #""correct":1"#, .count),
    Field(.acknowledgement, #""loss":0.5"#, .number),
    Field(.acknowledgement, #""sequence":7"#, .other, also: [#""7""#]),
    Field(.epochEnd, #""epoch":1"#, .count, also: ["0"]),
    Field(.epochEnd, #""steps":6"#, .count),
    Field(.epochEnd, #""sequence":10"#, .record, also: ["0"]),
    Field(.epochEnd, #""payload":1"#, .count, in: "sent."),
    Field(.epochEnd, #""evaluation":2"#, .count, in: "sent."),
    Field(.epochEnd, #""gradient":3"#, .count, in: "sent."),
    Field(.epochEnd, #""framing":4"#, .count, in: "sent."),
    Field(.epochEnd, #""control":5"#, .count, in: "sent."),
    Field(.epochEnd, #""exit_correct":1"#, .count, also: ["3"]),
    Field(.epochEnd, #""exit_count":2"#, .count),
    Field(.epochReport, #""epoch":1"#, .count, also: ["0"]),
    Field(.epochReport, #""mean_training_loss":1.25"#, .number, isOptional: true),
    Field(.epochReport, #""final_loss":0.75"#, .number, isOptional: true),
    Field(.epochReport, #""final_correct":2"#, .count, also: ["4"]),
    Field(.epochReport, #""final_count":3"#, .count),
    Field(.epochReport, #""busy_seconds":1"#, .number),
    Field(.epochReport, #""idle_seconds":2"#, .number),
    Field(.epochReport, #""framing":4"#, .count, in: "received."),
    Field(.epochReport, #""framing":7"#, .count, in: "sent."),
    Field(.goodbye, #""reason":"completed""#, .other, also: [#""bored""#, "1"]),
    Field(.failure, #""code":"x""#, .other, also: ["1"]),
    Field(.failure, #""reason":"y""#, .other, also: ["1"]),
    Field(.probe, #""steps":16"#, .count, also: ["17"]),
    Field(.probeReport, #""seconds_per_step":1"#, .number, also: ["-1", "1e10"]),
    Field(.probeReport, #""seconds_to_gradient":0.5"#, .number, also: ["-1", "1e10"], isOptional: true),
    Field(.probeReport, #""steps":16"#, .count, also: ["17"]),
    Field(.probeReport, #""peak_memory_bytes":0"#, .count, isOptional: true),
    Field(.durable, #""sequence":9"#, .other, also: [#""9""#, "null"]),
    Field(.replay, #""first":8"#, .record, also: ["0"]),
    Field(.replay, #""losses":[0.5,0.25]"#, .other, also: ["0.5", "null"]),
    Field(.replay, #""correct":[1,2]"#, .other, also: ["1", "null", "[]", "[1]", "[1,2,3]", "[1,-1]"]),
    Field(.checkpoint, #""number":2"#, .count, also: ["0", "null"]),
    Field(
      .weightsRequest, #""sha256":"\#(testDigest)""#, .other, also: ["1", "null", #""ab""#, #""\#(testDigest)0""#]),
    Field(.checkpoint, #""sequence":7"#, .record, also: ["0", "null"]),
  ]

  @Test(arguments: fields) func wrongValues(field: Field) throws {
    let parts = field.json.components(separatedBy: field.text)
    try #require(parts.count == 2, "\(field.text) is not there, or not once")
    let key = field.text.prefix { $0 != ":" }
    func check(_ value: String, _ text: String, named path: String) {
      let error = #expect(throws: WireError.self, "\(value)") {
        try decode(field.type, parts.joined(separator: text))
      }
      guard case .payload(field.type, path, _, _) = error else {
        Issue.record("\(value) led to \(String(describing: error))")
        return
      }
    }
    for value in field.wrong { check(value, "\(key):\(value)", named: field.path) }
    let nothing = #""unknown":0"#
    if field.isOptional {
      #expect(try decode(field.type, parts.joined(separator: nothing)).type == field.type)
    } else {
      check("nothing", nothing, named: field.path)
    }
  }

  /// Numbers of records and of losses that do not fit into their type.
  @Test func numbersBeyondTheirType() {
    let count = "a whole number of at least 0"
    for (type, json, field, expected, actual) in [
      (FrameType.acknowledgement, #"{"correct":1,"loss":1e39,"sequence":7}"#, "loss", "a number closer to 0", "1e39"),
      (.acknowledgement, #"{"correct":1,"loss":0.5,"sequence":-7}"#, "sequence", count, "-7"),
      (.durable, #"{"sequence":-1}"#, "sequence", count, "-1"),
      (
        .durable, #"{"sequence":18446744073709551616}"#, "sequence", "a whole number of at most \(UInt64.max)",
        "18446744073709551616"
      ), (.checkpoint, #"{"number":1.5,"sequence":1}"#, "number", "a whole number", "1.5"),
      (
        .hello, Self.splitHello.split(separator: "[4,6,7]").joined(separator: "[4,-6,7]"), "resume.positions.1", count,
        "-6"
      ), (.replay, #"{"correct":[1],"first":8,"losses":[1e39]}"#, "losses.0", "a number closer to 0", "1e39"),
    ] {
      #expect(throws: WireError.payload(type: type, field: field, expected: expected, actual: actual)) {
        try decode(type, json)
      }
    }
  }

  /// The configuration of a hello is read by another module, but its values are named, too.
  @Test func configurationsNameWhatIsWrong() throws {
    struct Configuration: Decodable { let epochs: Int }
    for (value, actual) in [("1.5", "1.5"), (#""ten""#, #""ten""#)] {
      let json = Self.valid[.hello]?.replacing(#""configuration":{}"#, with: #""configuration":{"epochs":\#(value)}"#)
      guard case .hello(let hello) = try decode(.hello, json ?? "") else { return }
      #expect(
        throws: WireError.payload(
          type: .hello, field: "configuration.epochs", expected: "a whole number", actual: actual)
      ) { try hello.configuration(as: Configuration.self) }
    }
  }

  @Test func replaysOfNothingAndOfTooMuch() throws {
    #expect(
      throws: WireError.payload(type: .replay, field: "losses", expected: "a number, or a report", actual: "neither")
    ) { try decode(.replay, #"{"correct":[],"first":8,"losses":[]}"#) }
    #expect(try decode(.replay, #"{"correct":[],"first":8,"losses":[],"report":{\#(Self.report)}}"#).type == .replay)
    #expect(
      throws: WireError.payload(
        type: .replay, field: "losses.count", expected: "a number from 0 to 4096", actual: "4097")
    ) { try replay(1, batches: Replay.maximumCount + 1).encodedFrame() }
    #expect(throws: WireError.self) {
      try decode(.replay, #"{"correct":[],"first":8,"losses":[],"report":{"epoch":1}}"#)
    }
    let report = Self.report.split(separator: #""epoch":1"#).joined(separator: #""epoch":0"#)
    #expect(
      throws: WireError.payload(
        type: .epochReport, field: "epoch", expected: "a number from 1 to \(1 << 53)", actual: "0")
    ) { try decode(.replay, #"{"correct":[],"first":8,"losses":[],"report":{\#(report)}}"#) }
  }

  /// The longest numbers, as many as there may be, are not beyond the limit of a control frame.
  @Test func theLongestReplay() throws {
    let count = Replay.maximumCount
    guard case .epochReport(let report) = epochReport(1) else { return }
    let replay = Message.replay(
      Replay(
        first: 1 << 53, losses: [Float](repeating: -Float.leastNormalMagnitude, count: count),
        correct: [Int](repeating: 1 << 53, count: count), report: report))
    let frame = try replay.encodedFrame()
    #expect(frame.count <= FrameHeader.byteCount + FrameHeader.maximumControlPayloadBytes)
    #expect(try Message.decode(frame: frame).message == replay)
  }

  private func decode(_ type: FrameType, _ json: String) throws -> Message {
    try Message.decode(frame: rawFrame(type: type.rawValue, payload: Array(json.utf8))).message
  }
}

extension String {
  fileprivate func components(separatedBy separator: String) -> [String] {
    split(separator: separator, omittingEmptySubsequences: false).map(String.init)
  }
}
