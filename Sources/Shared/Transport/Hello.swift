import FoundationEssentials

/// Where the cloud goes on with a run that had begun.
package struct ResumePosition: Codable, Equatable, Sendable {
  /// The last record that is applied; 0 for none.
  package let applied: UInt64
  /// The epoch under way, from 1.
  package let epoch: Int
  /// Its batches of training, and of evaluation, that are applied.
  package let steps: Int
  package let testBatches: Int

  package init(applied: UInt64, epoch: Int, steps: Int, testBatches: Int) {
    self.applied = applied
    self.epoch = epoch
    self.steps = steps
    self.testBatches = testBatches
  }

  enum CodingKeys: String, CodingKey {
    case applied, epoch, steps
    case testBatches = "test_batches"
  }

  func validate(_ type: FrameType) throws(WireError) {
    try PayloadCheck.sequence(applied, "resume.applied", type, minimum: 0)
    try PayloadCheck.count(epoch, "resume.epoch", type, minimum: 1)
    try PayloadCheck.count(steps, "resume.steps", type)
    try PayloadCheck.count(testBatches, "resume.test_batches", type)
  }
}

/// Where the edge can go on with a run that may have begun.
package struct ResumeOffer: Codable, Equatable, Sendable {
  /// The lowest number of a record that it can send.
  package let first: UInt64
  /// Of all records up to this one it has the cloud's answers.
  package let answered: UInt64
  /// Where gradients are exchanged, and only there: the records after which the edge can go on, in ascending order; the
  /// last one is `answered`, and the first one lies before `first`.
  package let positions: [UInt64]?
  /// From what the cloud's weights began, as its welcome has said: digests, or `seededWeights`; nil if no cloud has
  /// welcomed the run yet.
  package let initialWeights: String?

  /// Weights that were made by the seed.
  package static let seededWeights = "none"
  /// The most positions.
  package static let maximumPositions = 16

  package init(first: UInt64, answered: UInt64, initialWeights: String? = nil) {
    self.first = first
    self.answered = answered
    self.initialWeights = initialWeights
    positions = nil
  }

  /// For an edge that can go on only after certain records.
  ///
  /// - Parameters:
  ///   - positions: at least one, in any order.
  ///   - initialWeights: from what the cloud's weights began; nil if it is not known.
  package init(positions: some Sequence<UInt64>, initialWeights: String? = nil) {
    let positions = Set(positions).sorted()
    precondition(!positions.isEmpty, "an edge can go on somewhere")
    first = positions[0] + 1
    answered = positions[positions.count - 1]
    self.positions = positions
    self.initialWeights = initialWeights
  }

  enum CodingKeys: String, CodingKey {
    case first, answered, positions
    case initialWeights = "initial_weights"
  }

  func validate(_ type: FrameType) throws(WireError) {
    try PayloadCheck.sequence(first, "resume.first", type)
    try PayloadCheck.sequence(answered, "resume.answered", type, minimum: 0)
    try PayloadCheck.digests(initialWeights, "resume.initial_weights", type)
    guard let positions else { return }
    try PayloadCheck.count(
      positions.count, "resume.positions.count", type, minimum: 1, maximum: Self.maximumPositions)
    guard zip(positions, positions.dropFirst()).allSatisfy({ $0 < $1 }), positions.first == first - 1,
      positions.last == answered
    else {
      throw .payload(
        type: type, field: "resume.positions", expected: "ascending numbers from \(first - 1) to \(answered)",
        actual: "\(positions)")
    }
  }
}

/// The edge's first message. The run's configuration is a JSON object that this module passes on without looking at it.
package struct Hello: Equatable, Sendable {
  /// The longest window that may be asked for.
  package static let maximumWindow = 1024
  /// Seconds of silence that a side allows unless it says otherwise.
  package static let defaultTimeoutSeconds = 60.0

  let protocolVersion: Int
  /// Names the run: 1 to 64 of the characters `A–Z a–z 0–9 . _ -`, not beginning with a dot.
  package let runID: String
  /// Records that may be without an answer when the edge has sent a batch or a step: 1 to 1024.
  package let window: Int
  /// What is exchanged in the run.
  package let exchange: Exchange
  /// Where the edge can go on; `nil` if the run begins now, and ends with this connection.
  package let resume: ResumeOffer?
  /// With what the cloud can begin; `nil` if it has, or does without.
  package let weights: WeightsOffer?
  /// The edge takes a silence of more seconds for the loss of the connection.
  package let timeoutSeconds: Double
  /// The whole payload, the configuration included.
  let json: [UInt8]

  /// - Throws: `WireError.payload` when a value is out of its range or the configuration cannot be written as JSON.
  package init<Configuration: Encodable>(
    runID: String, window: Int = 4, exchange: Exchange = .activations, resume: ResumeOffer? = nil,
    weights: WeightsOffer? = nil, timeoutSeconds: Double = Self.defaultTimeoutSeconds, configuration: Configuration
  ) throws(WireError) {
    let version = Int(FrameHeader.protocolVersion)
    let fields = Fields(
      protocolVersion: version, runID: runID, window: window, exchange: exchange, resume: resume,
      weights: weights, timeoutSeconds: timeoutSeconds)
    json = try ControlPayloadCoding.encode(ConfigurationEnvelope(fields: fields, configuration: configuration), .hello)
    (protocolVersion, self.runID, self.window, self.resume) = (version, runID, window, resume)
    self.exchange = exchange
    self.weights = weights
    self.timeoutSeconds = timeoutSeconds
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
    weights = fields.weights
    timeoutSeconds = fields.timeoutSeconds
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
    for (field, isThere) in [("resume", resume != nil), ("weights", weights != nil)]
    where isThere && exchange == .measurements {
      throw .payload(type: .hello, field: field, expected: "nothing, since there is no run", actual: "an object")
    }
    try resume?.validate(.hello)
    try weights?.validate(.hello)
    guard resume == nil || (resume?.positions != nil) == (exchange == .gradients) else {
      throw .payload(
        type: .hello, field: "resume.positions",
        expected: exchange == .gradients ? "numbers, since gradients are exchanged" : "nothing, but for gradients",
        actual: exchange == .gradients ? "nothing" : "an array")
    }
    try PayloadCheck.timeout(timeoutSeconds, .hello)
  }

  private struct Fields: Codable {
    let protocolVersion: Int
    let runID: String
    let window: Int
    let exchange: Exchange
    let resume: ResumeOffer?
    let weights: WeightsOffer?
    let timeoutSeconds: Double

    enum CodingKeys: String, CodingKey {
      case protocolVersion = "protocol_version"
      case runID = "run_id"
      case window
      case exchange
      case resume
      case weights
      case timeoutSeconds = "timeout_seconds"
    }
  }
}
