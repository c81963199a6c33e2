/// The edge asks the cloud to train some steps of a configuration on samples of its own, and to tell how long a step
/// takes.
package struct Probe: Equatable, Sendable {
  /// The most steps that can be asked for.
  package static let maximumSteps = 16

  /// Steps to be timed, after one that is not; 0 asks only whether the cloud would serve such a run.
  package let steps: Int
  /// The whole payload, the configuration included.
  let json: [UInt8]

  /// - Throws: `WireError.payload` when `steps` is out of its range or the configuration cannot be written as JSON.
  package init(steps: Int, configuration: some Encodable) throws(WireError) {
    self.steps = steps
    json = try ControlPayloadCoding.encode(
      ConfigurationEnvelope(fields: Fields(steps: steps), configuration: configuration), .probe)
    try validate()
  }

  /// - Throws: `WireError.payload`.
  init(decoding payload: UnsafeRawBufferPointer) throws(WireError) {
    steps = try ControlPayloadCoding.decode(Fields.self, payload, .probe).steps
    json = Array(payload)
    try validate()
  }

  /// Reads the configuration.
  ///
  /// - Throws: `WireError.payload` with the path of the field that is missing or wrong.
  package func configuration<Configuration: Decodable>(as type: Configuration.Type) throws(WireError) -> Configuration {
    try ControlPayloadCoding.configuration(type, in: json, of: .probe)
  }

  private func validate() throws(WireError) {
    try PayloadCheck.count(steps, "steps", .probe, maximum: Self.maximumSteps)
  }

  private struct Fields: Codable { let steps: Int }
}

/// The cloud's answer to a `Probe`.
package struct ProbeReport: Codable, Equatable, Sendable {
  /// How many steps were timed: fewer than asked for if they take long, 0 if the cloud refuses or was not asked to
  /// train.
  package let steps: Int
  /// The median of them: decoding a batch, and training on it.
  package let secondsPerStep: Double
  /// Of a step, until the gradient of the features is encoded; `nil` where none is sent.
  package let secondsToGradient: Double?
  /// The most memory that the cloud had resident meanwhile.
  package let peakMemoryBytes: Int?
  /// Why the cloud would not serve such a run, for people; `nil` if it would.
  package let refusal: String?

  package init(
    steps: Int, secondsPerStep: Double, secondsToGradient: Double? = nil, peakMemoryBytes: Int? = nil,
    refusal: String? = nil
  ) {
    self.steps = steps
    self.secondsPerStep = secondsPerStep
    self.secondsToGradient = secondsToGradient
    self.peakMemoryBytes = peakMemoryBytes
    self.refusal = refusal.map { PayloadCheck.printable($0) }
  }

  enum CodingKeys: String, CodingKey {
    case steps
    case secondsPerStep = "seconds_per_step"
    case secondsToGradient = "seconds_to_gradient"
    case peakMemoryBytes = "peak_memory_bytes"
    case refusal
  }
}

extension ProbeReport: ControlPayload {
  static let frameType = FrameType.probeReport
  func validated() throws(WireError) -> Self {
    try PayloadCheck.count(steps, "steps", .probeReport, maximum: Probe.maximumSteps)
    try PayloadCheck.seconds(secondsPerStep, "seconds_per_step", .probeReport)
    try PayloadCheck.seconds(secondsToGradient, "seconds_to_gradient", .probeReport)
    if let peakMemoryBytes { try PayloadCheck.count(peakMemoryBytes, "peak_memory_bytes", .probeReport) }
    return Self(
      steps: steps, secondsPerStep: secondsPerStep, secondsToGradient: secondsToGradient,
      peakMemoryBytes: peakMemoryBytes, refusal: refusal)
  }
}

extension PayloadCheck {
  /// A length of time that a program can have measured.
  static func seconds(_ value: Double?, _ field: String, _ type: FrameType) throws(WireError) {
    guard let value, !(0...1e9).contains(value) else { return }
    throw .payload(type: type, field: field, expected: "0 to 1e9 seconds", actual: "\(value)")
  }
}
