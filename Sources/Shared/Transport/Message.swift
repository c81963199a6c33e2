/// Everything that the two sides say to each other.
package enum Message: Equatable, Sendable {
  case hello(Hello)
  case welcome(Welcome)
  case refusal(Refusal)
  case trainBatch(EncodedBatch)
  case evaluationBatch(EncodedBatch)
  case acknowledgement(Acknowledgement)
  case epochEnd(EpochEnd)
  case epochReport(EpochReport)
  case goodbye(Goodbye)
  case failure(Failure)
  case gradient(Gradient)
  case trainImages(EncodedBatch)
  case testImages(EncodedBatch)
  case probe(Probe)
  case probeReport(ProbeReport)
  case filler(Filler)
  case durable(Durable)
  case replay(Replay)
  case alive(Alive)
  case trainStep(StepRequest)
  case evaluationStep(StepRequest)
  case checkpoint(CheckpointRequest)
  case weightsRequest(WeightsRequest)
  case weights(WeightsPart)

  package var type: FrameType {
    switch self {
    case .hello: .hello
    case .welcome: .welcome
    case .refusal: .refusal
    case .trainBatch: .trainBatch
    case .evaluationBatch: .evaluationBatch
    case .acknowledgement: .acknowledgement
    case .epochEnd: .epochEnd
    case .epochReport: .epochReport
    case .goodbye: .goodbye
    case .failure: .failure
    case .gradient: .gradient
    case .trainImages: .trainImages
    case .testImages: .testImages
    case .probe: .probe
    case .probeReport: .probeReport
    case .filler: .filler
    case .durable: .durable
    case .replay: .replay
    case .alive: .alive
    case .trainStep: .trainStep
    case .evaluationStep: .evaluationStep
    case .checkpoint: .checkpoint
    case .weightsRequest: .weightsRequest
    case .weights: .weights
    }
  }

  /// The frame, ready to send: header and all small fields copied into one array, the activations not copied.
  ///
  /// - Throws: `WireError`.
  func outgoingFrame() throws(WireError) -> OutgoingBytes {
    switch self {
    case .trainBatch(let batch), .evaluationBatch(let batch), .trainImages(let batch), .testImages(let batch):
      var fields: [UInt8] = []
      fields.reserveCapacity(4 + 2 * batch.labels.count)
      fields.appendLittleEndian(UInt32(clamping: batch.labels.count))
      for label in batch.labels { fields.appendLittleEndian(label) }
      return try frame(sequence: batch.sequence, fields: fields, body: batch.activations)
    case .gradient(let gradient): return try frame(sequence: gradient.sequence, fields: [], body: gradient.encoded)
    case .filler(let filler):
      var fields: [UInt8] = []
      fields.appendLittleEndian(UInt32(clamping: filler.answerByteCount))
      return try frame(sequence: filler.sequence, fields: fields, body: filler.bytes)
    case .weights(let part): return try frame(sequence: part.sequence, fields: [], body: part.bytes)
    case .trainStep(let step), .evaluationStep(let step): return try frame(sequence: step.sequence, fields: [])
    case .hello(let hello): return try frame(fields: hello.json)
    case .probe(let probe): return try frame(fields: probe.json)
    case .welcome(let value): return try control(value)
    case .refusal(let value): return try control(value)
    case .acknowledgement(let value): return try control(value)
    case .epochEnd(let value): return try control(value)
    case .epochReport(let value): return try control(value)
    case .goodbye(let value): return try control(value)
    case .failure(let value): return try control(value)
    case .probeReport(let value): return try control(value)
    case .durable(let value): return try control(value)
    case .replay(let value): return try control(value)
    case .alive(let value): return try control(value)
    case .checkpoint(let value): return try control(value)
    case .weightsRequest(let value): return try control(value)
    }
  }

  private func control(_ value: some ControlPayload) throws(WireError) -> OutgoingBytes {
    try frame(fields: ControlPayloadCoding.encode(value.validated(), type))
  }

  private func frame(sequence: UInt64 = 0, fields: [UInt8], body: ArraySlice<UInt8> = []) throws(WireError)
    -> OutgoingBytes
  {
    let header = try fields.withUnsafeBytesTyped { fields throws(WireError) in
      try body.withUnsafeBytesTyped { body throws(WireError) in
        try FrameHeader(type: type, sequence: sequence, payload: fields, body)
      }
    }
    return OutgoingBytes(head: header.bytes + fields, body: body)
  }

  /// Checks the checksum and reads the payload.
  ///
  /// - Throws: `WireError`.
  init(_ header: FrameHeader, payload: [UInt8]) throws(WireError) {
    precondition(payload.count == header.payloadByteCount)
    self = try payload.withUnsafeBytesTyped { bytes throws(WireError) in
      try header.verify(payload: bytes)
      let type = header.type
      switch type {
      case .trainBatch: return .trainBatch(try EncodedBatch(decoding: payload, sequence: header.sequence, type: type))
      case .evaluationBatch:
        return .evaluationBatch(try EncodedBatch(decoding: payload, sequence: header.sequence, type: type))
      case .trainImages: return .trainImages(try EncodedBatch(decoding: payload, sequence: header.sequence, type: type))
      case .testImages: return .testImages(try EncodedBatch(decoding: payload, sequence: header.sequence, type: type))
      case .gradient: return .gradient(Gradient(sequence: header.sequence, encoded: payload))
      case .trainStep: return .trainStep(try StepRequest(decoding: payload, sequence: header.sequence, type: type))
      case .evaluationStep:
        return .evaluationStep(try StepRequest(decoding: payload, sequence: header.sequence, type: type))
      case .filler: return .filler(try Filler(decoding: payload, sequence: header.sequence))
      case .weights: return .weights(try WeightsPart(decoding: payload, sequence: header.sequence))
      case .hello: return .hello(try Hello(decoding: bytes))
      case .probe: return .probe(try Probe(decoding: bytes))
      case .welcome: return .welcome(try Self.read(bytes))
      case .refusal: return .refusal(try Self.read(bytes))
      case .acknowledgement: return .acknowledgement(try Self.read(bytes))
      case .epochEnd: return .epochEnd(try Self.read(bytes))
      case .epochReport: return .epochReport(try Self.read(bytes))
      case .goodbye: return .goodbye(try Self.read(bytes))
      case .failure: return .failure(try Self.read(bytes))
      case .probeReport: return .probeReport(try Self.read(bytes))
      case .durable: return .durable(try Self.read(bytes))
      case .replay: return .replay(try Self.read(bytes))
      case .alive: return .alive(try Self.read(bytes))
      case .checkpoint: return .checkpoint(try Self.read(bytes))
      case .weightsRequest: return .weightsRequest(try Self.read(bytes))
      }
    }
  }

  private static func read<Value: ControlPayload>(_ bytes: UnsafeRawBufferPointer) throws(WireError) -> Value {
    try ControlPayloadCoding.decode(Value.self, bytes, Value.frameType).validated()
  }
}

extension Array<UInt8> {
  /// `withUnsafeBytes` for a body that throws `WireError` only.
  func withUnsafeBytesTyped<Result>(_ body: (UnsafeRawBufferPointer) throws(WireError) -> Result) throws(WireError)
    -> Result
  { try self[...].withUnsafeBytesTyped(body) }
}

extension ArraySlice<UInt8> {
  /// `withUnsafeBytes` for a body that throws `WireError` only.
  func withUnsafeBytesTyped<Result>(_ body: (UnsafeRawBufferPointer) throws(WireError) -> Result) throws(WireError)
    -> Result
  {
    let outcome = withUnsafeBytes { bytes -> Swift.Result<Result, WireError> in
      do throws(WireError) { return .success(try body(bytes)) } catch { return .failure(error) }
    }
    return try outcome.get()
  }
}
