/// The cloud is to train on, or to evaluate, the next batch of the images that it keeps. The frame has no payload.
package struct StepRequest: Equatable, Sendable {
  /// Its number as a record of the run.
  package let sequence: UInt64

  package init(sequence: UInt64) {
    precondition(sequence > 0, "sequence numbers start at 1")
    self.sequence = sequence
  }

  /// - Throws: `WireError.payload` if there is a payload.
  init(decoding payload: [UInt8], sequence: UInt64, type: FrameType) throws(WireError) {
    guard payload.isEmpty else {
      throw .payload(type: type, field: "", expected: "nothing", actual: "\(payload.count) bytes")
    }
    self.sequence = sequence
  }
}
