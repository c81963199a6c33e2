/// Records as a log keeps them: the type of their frame and its payload.
extension Message {
  /// The type and the payload in two parts, the second of which is not copied.
  ///
  /// - Throws: `WireError`.
  package func storedRecord() throws(WireError) -> (type: UInt8, head: [UInt8], body: ArraySlice<UInt8>) {
    let frame = try outgoingFrame()
    return (type.rawValue, Array(frame.head.dropFirst(FrameHeader.byteCount)), frame.body)
  }

  /// Reads a record that a log has kept.
  ///
  /// - Throws: `WireError` if this is no record of a run.
  package init(storedRecord type: UInt8, sequence: UInt64, payload: [UInt8]) throws(WireError) {
    guard let type = FrameType(rawValue: type) else { throw .type(actual: type) }
    let header = try payload.withUnsafeBytesTyped { bytes throws(WireError) in
      try FrameHeader(
        type: type, sequence: type.isBatch ? sequence : 0, payload: bytes, UnsafeRawBufferPointer(start: nil, count: 0))
    }
    self = try Message(header, payload: payload)
    guard recordSequence == sequence else {
      throw .payload(type: type, field: "sequence", expected: "\(sequence)", actual: "\(recordSequence ?? 0)")
    }
  }

  /// The number of a record of a run; nil for other messages.
  package var recordSequence: UInt64? {
    switch self {
    case .trainBatch(let batch), .evaluationBatch(let batch), .trainImages(let batch), .testImages(let batch):
      batch.sequence
    case .trainStep(let step), .evaluationStep(let step): step.sequence
    case .epochEnd(let end): end.sequence
    default: nil
    }
  }

  /// Bytes of the samples that a frame carries, with their labels.
  package var samplesByteCount: Int {
    switch self {
    case .trainBatch(let batch), .evaluationBatch(let batch), .trainImages(let batch), .testImages(let batch):
      batch.payloadByteCount
    case .gradient(let gradient): gradient.encoded.count
    default: 0
    }
  }
}
