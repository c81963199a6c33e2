import FoundationEssentials
import Platform

/// A control message whose payload is its JSON.
protocol ControlPayload: Codable {
  static var frameType: FrameType { get }
  /// - Throws: `WireError.payload` for a value that no honest peer sends.
  func validated() throws(WireError) -> Self
}

/// JSON to and from payloads; every error is a `WireError.payload` that names the field.
enum ControlPayloadCoding {
  static func encode(_ value: some Encodable, _ type: FrameType) throws(WireError) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do { return Array(try encoder.encode(value)) } catch EncodingError.invalidValue(let value, let context) {
      throw .payload(
        type: type, field: path(context.codingPath), expected: "a value that JSON can hold", actual: "\(value)")
    } catch { throw .payload(type: type, field: "", expected: "values that JSON can hold", actual: "\(error)") }
  }

  static func decode<Value: Decodable>(_ type: Value.Type, _ payload: UnsafeRawBufferPointer, _ frameType: FrameType)
    throws(WireError) -> Value
  {
    func error(_ path: [String], _ expected: String, _ actual: String) -> WireError {
      .payload(
        type: frameType, field: PayloadCheck.printable(path.joined(separator: "."), limit: 200), expected: expected,
        actual: PayloadCheck.printable(actual, limit: 200))
    }
    do { return try JSONMismatch.decode(type, from: Array(payload)) } catch let mismatch as JSONMismatch {
      throw error(mismatch.path, PayloadCheck.printable(mismatch.expected, limit: 200), mismatch.actual)
    } catch let failure { throw error([], "valid JSON of this message", "\(failure)") }
  }

  private static func path(_ keys: [any CodingKey]) -> String {
    PayloadCheck.printable(keys.map(\.stringValue).joined(separator: "."), limit: 200)
  }
}

/// Checks of single values.
enum PayloadCheck {
  /// The largest count that every JSON implementation holds exactly: 2⁵³.
  static let maximumCount = 1 << 53

  static func count(_ value: Int, _ field: String, _ type: FrameType, minimum: Int = 0, maximum: Int = maximumCount)
    throws(WireError)
  {
    guard value >= minimum, value <= maximum else {
      throw .payload(type: type, field: field, expected: "a number from \(minimum) to \(maximum)", actual: "\(value)")
    }
  }

  /// The number of a record, small enough for what is counted from it.
  static func sequence(_ value: UInt64, _ field: String, _ type: FrameType, minimum: UInt64 = 1) throws(WireError) {
    guard value >= minimum, value <= UInt64(maximumCount) else {
      throw .payload(
        type: type, field: field, expected: "a number from \(minimum) to \(maximumCount)", actual: "\(value)")
    }
  }

  /// Seconds of silence that a side allows.
  static func timeout(_ value: Double, _ type: FrameType) throws(WireError) {
    guard value > 0, value <= 1e9 else {
      throw .payload(
        type: type, field: "timeout_seconds", expected: "a number above 0, at most 1e9", actual: "\(value)")
    }
  }

  static func counts(_ value: ByteCounts, _ field: String, _ type: FrameType) throws(WireError) {
    try count(value.payload, "\(field).payload", type)
    try count(value.evaluation, "\(field).evaluation", type)
    try count(value.gradient, "\(field).gradient", type)
    try count(value.framing, "\(field).framing", type)
    try count(value.control, "\(field).control", type)
  }

  static func finite(_ value: Double?, _ field: String, _ type: FrameType) throws(WireError) {
    guard let value, !value.isFinite else { return }
    throw .payload(type: type, field: field, expected: "a finite number", actual: "\(value)")
  }

  /// What files of weights are, if it is said: digests in hexadecimal digits, separated by commas, or a word.
  static func digests(_ value: String?, _ field: String, _ type: FrameType) throws(WireError) {
    guard let value else { return }
    let letters = value.utf8.allSatisfy {
      (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: ",")
        || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
    }
    guard letters, (1...4096).contains(value.utf8.count) else {
      throw .payload(
        type: type, field: field, expected: "1 to 4096 of 0-9 a-z and commas", actual: printable(value, limit: 80))
    }
  }

  /// A SHA-256 in hexadecimal digits.
  static func digest(_ value: String, _ field: String, _ type: FrameType) throws(WireError) {
    let isDigest =
      value.utf8.count == 64
      && value.utf8.allSatisfy {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
      }
    guard isDigest else {
      throw .payload(
        type: type, field: field, expected: "64 digits of 0-9 a-f", actual: "\"\(printable(value, limit: 80))\"")
    }
  }

  /// A text from outside, safe to print: control characters replaced, and cut at `limit` characters.
  static func printable(_ text: String, limit: Int = 1000) -> String {
    let scalars = text.unicodeScalars.prefix(limit).map { scalar -> Unicode.Scalar in
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator: " "
      default: scalar
      }
    }
    var result = String.UnicodeScalarView()
    result.append(contentsOf: scalars)
    return String(result)
  }
}

extension Welcome: ControlPayload {
  static let frameType = FrameType.welcome
  func validated() throws(WireError) -> Self {
    try PayloadCheck.count(maximumFrameBytes, "maximum_frame_bytes", .welcome, minimum: FrameHeader.byteCount)
    try resume?.validate(.welcome)
    try PayloadCheck.timeout(timeoutSeconds, .welcome)
    try PayloadCheck.finite(clock?.helloReceived, "clock.hello_received", .welcome)
    try PayloadCheck.finite(clock?.welcomeSent, "clock.welcome_sent", .welcome)
    try PayloadCheck.digests(initialWeights, "initial_weights", .welcome)
    return Self(
      maximumFrameBytes: maximumFrameBytes, resume: resume, timeoutSeconds: timeoutSeconds,
      softwareVersion: PayloadCheck.printable(softwareVersion, limit: 100), clock: clock,
      initialWeights: initialWeights)
  }
}

extension Refusal: ControlPayload {
  static let frameType = FrameType.refusal
  func validated() -> Self { Self(code: code, reason: reason) }
}

extension Acknowledgement: ControlPayload {
  static let frameType = FrameType.acknowledgement
  func validated() throws(WireError) -> Self {
    try PayloadCheck.finite(Double(loss), "loss", .acknowledgement)
    try PayloadCheck.count(correct, "correct", .acknowledgement)
    return self
  }
}

extension EpochEnd: ControlPayload {
  static let frameType = FrameType.epochEnd
  func validated() throws(WireError) -> Self {
    try PayloadCheck.count(epoch, "epoch", .epochEnd, minimum: 1)
    try PayloadCheck.count(steps, "steps", .epochEnd)
    try PayloadCheck.sequence(sequence, "sequence", .epochEnd)
    try PayloadCheck.counts(sent, "sent", .epochEnd)
    try PayloadCheck.count(exitCount, "exit_count", .epochEnd)
    try PayloadCheck.count(exitCorrect, "exit_correct", .epochEnd, maximum: exitCount)
    return self
  }
}

extension EpochReport: ControlPayload {
  static let frameType = FrameType.epochReport
  func validated() throws(WireError) -> Self {
    try PayloadCheck.count(epoch, "epoch", .epochReport, minimum: 1)
    try PayloadCheck.finite(meanTrainingLoss, "mean_training_loss", .epochReport)
    try PayloadCheck.finite(finalLoss, "final_loss", .epochReport)
    try PayloadCheck.count(finalCount, "final_count", .epochReport)
    try PayloadCheck.count(finalCorrect, "final_correct", .epochReport, maximum: finalCount)
    if let finalByClass {
      // What must be in all; no sum of so many counts overflows.
      for (list, sum) in [(finalByClass.correct, finalCorrect), (finalByClass.count, finalCount)]
      where list.reduce(0, +) != sum {
        throw .payload(
          type: .epochReport, field: "final_by_class", expected: "\(sum) in all", actual: "\(list.reduce(0, +))")
      }
    }
    try PayloadCheck.finite(busySeconds, "busy_seconds", .epochReport)
    try PayloadCheck.finite(idleSeconds, "idle_seconds", .epochReport)
    try PayloadCheck.counts(received, "received", .epochReport)
    try PayloadCheck.counts(sent, "sent", .epochReport)
    return self
  }
}

extension Goodbye: ControlPayload {
  static let frameType = FrameType.goodbye
  func validated() -> Self { self }
}

extension Failure: ControlPayload {
  static let frameType = FrameType.failure
  func validated() -> Self { Self(code: code, reason: reason) }
}
