import FoundationEssentials

/// A place in a run: the epoch, from 1, and how many of its steps are already applied.
package struct ResumePosition: Codable, Equatable, Sendable, CustomStringConvertible {
  package let epoch: Int
  package let step: Int

  package init(epoch: Int, step: Int) {
    self.epoch = epoch
    self.step = step
  }

  package var description: String { "epoch \(epoch), step \(step)" }

  func validate(_ type: FrameType) throws(WireError) {
    try PayloadCheck.count(epoch, "resume.epoch", type, minimum: 1)
    try PayloadCheck.count(step, "resume.step", type)
  }
}

/// The edge's first message. The run's configuration is a JSON object that this module passes on without looking at it.
package struct Hello: Equatable, Sendable {
  /// The longest window that may be asked for.
  package static let maximumWindow = 1024

  let protocolVersion: Int
  /// Names the run: 1 to 64 of the characters `A–Z a–z 0–9 . _ -`, not beginning with a dot.
  package let runID: String
  /// Batches that the edge sends, at most, before the first of them is acknowledged: 1 to 1024.
  package let window: Int
  /// What is exchanged in the run.
  package let exchange: Exchange
  /// Where the edge can go on; `nil` for a new run.
  let resume: ResumePosition?
  /// The whole payload, the configuration included.
  let json: [UInt8]

  /// - Throws: `WireError.payload` when a value is out of its range or the configuration cannot be written as JSON.
  package init<Configuration: Encodable>(
    runID: String, window: Int = 4, exchange: Exchange = .activations, resume: ResumePosition? = nil,
    configuration: Configuration
  ) throws(WireError) {
    let version = Int(FrameHeader.protocolVersion)
    let fields = Fields(protocolVersion: version, runID: runID, window: window, exchange: exchange, resume: resume)
    json = try ControlPayloadCoding.encode(ConfigurationEnvelope(fields: fields, configuration: configuration), .hello)
    (protocolVersion, self.runID, self.window, self.resume) = (version, runID, window, resume)
    self.exchange = exchange
    try validate()
  }

  /// - Throws: `WireError.payload`.
  init(decoding payload: UnsafeRawBufferPointer) throws(WireError) {
    let fields = try ControlPayloadCoding.decode(Fields.self, payload, .hello)
    protocolVersion = fields.protocolVersion
    runID = fields.runID
    window = fields.window
    exchange = fields.exchange
    resume = fields.resume
    json = Array(payload)
    try validate()
  }

  /// Reads the configuration.
  ///
  /// - Throws: `WireError.payload` with the path of the field that is missing or wrong.
  package func configuration<Configuration: Decodable>(as type: Configuration.Type) throws(WireError) -> Configuration {
    try ControlPayloadCoding.configuration(type, in: json, of: .hello)
  }

  private func validate() throws(WireError) {
    let version = Int(FrameHeader.protocolVersion)
    guard protocolVersion == version else {
      throw .payload(type: .hello, field: "protocol_version", expected: "\(version)", actual: "\(protocolVersion)")
    }
    try PayloadCheck.count(window, "window", .hello, minimum: 1, maximum: Self.maximumWindow)
    guard window == 1 || exchange != .gradients else {
      throw .payload(type: .hello, field: "window", expected: "1, since gradients are exchanged", actual: "\(window)")
    }
    do throws(RunIdentifierError) { _ = try RunIdentifier(validating: runID) } catch {
      throw .payload(
        type: .hello, field: "run_id", expected: "1 to 64 of A-Z a-z 0-9 . _ - not beginning with a dot",
        actual: "\"\(PayloadCheck.printable(runID, limit: 80))\"")
    }
    try resume?.validate(.hello)
  }

  private struct Fields: Codable {
    let protocolVersion: Int
    let runID: String
    let window: Int
    let exchange: Exchange
    let resume: ResumePosition?

    enum CodingKeys: String, CodingKey {
      case protocolVersion = "protocol_version"
      case runID = "run_id"
      case window
      case exchange
      case resume
    }
  }
}
