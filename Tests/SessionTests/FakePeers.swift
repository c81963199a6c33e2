import Foundation
import TestSupport
import Testing

@testable import Compute
@testable import Datasets
@testable import NeuralNetwork
@testable import Platform
@testable import Training
@testable import Transport

/// A cloud that a test plays: one connection on a thread of its own.
final class FakeCloud: Sendable {
  /// The connection after the edge's hello.
  struct Peer: Sendable {
    let connection: FramedConnection
    let socket: Socket
    let configuration: RunConfiguration

    func welcome(maximumFrameBytes: Int = 1 << 26) throws {
      try connection.send(
        .welcome(Welcome(maximumFrameBytes: maximumFrameBytes, softwareVersion: "0.0.0")))
    }

    /// Sends a frame that the order of messages may forbid.
    func sendLawlessly(_ message: Message) throws {
      try socket.writeAll(message.encodedFrame())
    }

    func acknowledge(_ sequence: UInt64) throws { try connection.send(Self.acknowledgement(sequence)) }

    static func acknowledgement(_ sequence: UInt64) -> Message {
      .acknowledgement(Acknowledgement(sequence: sequence, loss: 2.5, correct: 0))
    }

    /// Receives until something comes that is no batch, acknowledging every batch.
    func acknowledgeBatches() throws -> ReceivedMessage {
      while true {
        let received = try connection.receive()
        switch received.message {
        case .trainBatch(let batch), .evaluationBatch(let batch): try acknowledge(batch.sequence)
        default: return received
        }
      }
    }

    /// An honest report on the epoch that was ended by this message.
    func report(on received: ReceivedMessage, finalCount: Int? = nil, finalByClass: ClassCounts? = nil)
      throws -> EpochReport
    {
      guard case .epochEnd(let end) = received.message else { throw UnexpectedMessage(received.message) }
      return EpochReport(
        epoch: end.epoch, meanTrainingLoss: 2.5, finalLoss: 2.5, finalCorrect: 0,
        finalCount: finalCount ?? configuration.testImages, finalByClass: finalByClass, busySeconds: 0, idleSeconds: 0,
        received: received.receivedWith, sent: connection.ledger.sent)
    }

    /// Receives up to the edge's last word.
    func lastWord() throws -> Message {
      while true {
        let message = try connection.receive().message
        switch message {
        case .failure, .goodbye: return message
        default: continue
        }
      }
    }
  }

  private let listener: SocketListener
  private let thread: Background<Void>

  /// Runs the script after the hello, then closes the connection.
  init(_ script: @escaping @Sendable (Peer) throws -> Void) throws {
    let listener = try SocketListener(on: Endpoint(host: "127.0.0.1", port: 0))
    self.listener = listener
    thread = Background {
      let socket = try listener.accept(timeout: 60)
      let connection = FramedConnection(socket, role: .cloud)
      defer { connection.abandon() }
      let hello = try Handshake.accept(connection)
      try script(
        Peer(
          connection: connection, socket: socket,
          configuration: try hello.configuration(as: RunConfiguration.self)))
    }
  }

  var endpoint: Endpoint { listener.localEndpoint }

  /// Waits for the end of the script.
  func end() throws { try thread.value() }
}

struct UnexpectedMessage: Error {
  let message: Message
  init(_ message: Message) { self.message = message }
}

/// An edge that a test plays.
final class FakeEdge {
  let connection: FramedConnection
  let socket: Socket
  let configuration: RunConfiguration
  private let shape: FeatureShape
  private let codec: ActivationCodec
  private var sequence: UInt64 = 0
  private var random = SeededGenerator(seed: 1, stream: "fake edge")

  /// Connects and is welcomed; comes again as long as the cloud is busy with the client before.
  init(_ endpoint: Endpoint, _ configuration: RunConfiguration, run: String) throws {
    self.configuration = configuration
    shape = try SplitNetwork(configuration.network).cutShape
    codec = ActivationCodec(format: configuration.activations)
    (connection, socket) = try whileBusy {
      let socket = try Socket.connect(to: endpoint, timeout: 60)
      let connection = FramedConnection(socket, role: .edge)
      _ = try Handshake.connect(
        connection,
        hello: Hello(
          runID: run, window: configuration.window, exchange: configuration.strategy.exchange,
          configuration: configuration))
      return (connection, socket)
    }
  }

  deinit { connection.abandon() }

  /// The next batch, of features drawn at random in `[0, scale)`, with so many channels more than the cut has.
  func batch(_ labels: [UInt16], channels extra: Int = 0, scale: Float = 1) throws -> EncodedBatch {
    sequence += 1
    let shape = ActivationShape(
      count: labels.count, height: self.shape.height, width: self.shape.width,
      channels: self.shape.channels + extra)
    let values = (0..<shape.valueCount).map { _ in scale * random.uniform() }
    var bytes: [UInt8] = []
    try codec.encode(values, shape: shape, into: &bytes)
    return EncodedBatch(sequence: sequence, labels: labels, activations: bytes)
  }

  /// The next batch, of images drawn at random, with so many bytes more than they have.
  func images(_ labels: [UInt16], bytes extra: Int = 0) -> EncodedBatch {
    sequence += 1
    return EncodedBatch(
      sequence: sequence, labels: labels,
      activations: (0..<labels.count * configuration.task.imageBytes + extra).map { _ in
        UInt8(truncatingIfNeeded: random.next())
      })
  }

  /// A batch of garbage instead of activations.
  func garbage(_ labels: [UInt16]) -> EncodedBatch {
    sequence += 1
    return EncodedBatch(
      sequence: sequence, labels: labels,
      activations: (0..<5000).map { _ in UInt8(truncatingIfNeeded: random.next()) })
  }

  /// The next step on uploaded images.
  func step() -> StepRequest {
    sequence += 1
    return StepRequest(sequence: sequence)
  }

  /// Sends an honest training batch.
  func train(_ count: Int) throws {
    try connection.send(.trainBatch(batch([UInt16](repeating: 3, count: count))))
  }

  func evaluate(_ count: Int) throws {
    try connection.send(.evaluationBatch(batch([UInt16](repeating: 3, count: count))))
  }

  /// Sends an honest epoch's training batches.
  func trainEpoch() throws {
    for start in stride(from: 0, to: configuration.trainImages, by: configuration.batchSize) {
      try awaitPlace()
      try train(min(configuration.batchSize, configuration.trainImages - start))
    }
  }

  func endEpoch(_ epoch: Int = 1, sent: ByteCounts? = nil, exitCount: Int? = nil) throws {
    sequence += 1
    try connection.send(
      .epochEnd(
        EpochEnd(
          epoch: epoch, steps: configuration.stepsPerEpoch, sequence: sequence, sent: sent ?? connection.ledger.sent,
          exitCorrect: 0, exitCount: exitCount ?? configuration.testImages)))
  }

  /// Receives until a batch may be sent.
  func awaitPlace() throws {
    while !connection.conversation.canSendBatch { _ = try connection.receive() }
  }

  /// Receives up to the cloud's last word.
  func lastWord() throws -> Message {
    while true {
      let message = try connection.receive().message
      switch message {
      case .failure, .goodbye, .refusal: return message
      default: continue
      }
    }
  }
}

/// Repeats what a cloud refuses because it has not finished with the client before.
func whileBusy<Result>(_ body: () throws -> Result) throws -> Result {
  for _ in 0..<1000 {
    do {
      return try body()
    } catch let error as RefusedError where error.code == .busy {
      Foundation.Thread.sleep(forTimeInterval: 0.01)
    }
  }
  return try body()
}

/// Images that do something when one of them is read for the first time, on the loader's thread.
struct TriggeringImages: LabeledImages {
  private let base: any LabeledImages
  private let left: Countdown
  private let action: @Sendable () -> Void

  private final class Countdown: Sendable {
    let value: Guarded<Int>
    init(_ value: Int) { self.value = Guarded(value) }
  }

  /// Calls `action` once, when image number `reads` (from 1) is read.
  init(_ base: any LabeledImages, afterReads reads: Int, _ action: @escaping @Sendable () -> Void) {
    self.base = base
    left = Countdown(reads)
    self.action = action
  }

  var task: ImageTask { base.task }
  var count: Int { base.count }
  func label(at index: Int) -> UInt16 { base.label(at: index) }

  func copyPixels(of index: Int, into pixels: UnsafeMutablePointer<UInt8>) throws(DatasetError) {
    let isTime = left.value.withLock { left in
      left -= 1
      return left == 0
    }
    if isTime { action() }
    try base.copyPixels(of: index, into: pixels)
  }
}

/// A frame around any payload, also around what no `Message` would write.
func controlFrame(_ type: FrameType, _ json: String) throws -> [UInt8] {
  let payload = Array(json.utf8)
  let header = try payload.withUnsafeBytesTyped { bytes throws(WireError) in
    try FrameHeader(type: type, sequence: 0, payload: bytes, UnsafeRawBufferPointer(start: nil, count: 0))
  }
  return header.bytes + payload
}

extension Message {
  /// The whole frame in one array.
  func encodedFrame() throws -> [UInt8] {
    let frame = try outgoingFrame()
    return frame.head + frame.body
  }
}
