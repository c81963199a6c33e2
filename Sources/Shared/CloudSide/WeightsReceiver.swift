import Logging
import Platform
import Terminal
import Training
import Transport
import Trust
import WeightFiles

/// An edge is lost, or says what it should not, before its run has begun.
struct LostVisitorError: Error, CustomStringConvertible {
  let cause: any Error

  var description: String { "lost while it sent weights: \(Role.cloud.text(of: cause))" }
}

/// Has an edge send the file of weights that its hello offers.
struct WeightsReceiver {
  let visitor: CloudDoor.Visitor
  let offer: WeightsOffer
  let options: CloudServer.Options
  let logger: Logger

  /// Receives the file; the edge then waits for its welcome.
  ///
  /// - Parameter interruption: ends the wait; the edge is told.
  /// - Throws: `LimitError` for more than any file for that network has, `CannotResumeError` if the run began from
  ///   other weights, `ShapeError`, `SafetensorsError`: nothing is said then. `LostVisitorError`, `InterruptedError`:
  ///   the connection is closed.
  func receive(_ interruption: Interruption) throws -> InitialWeights {
    let most = try InitialWeights.mostBytes(partOf: .cloud, visitor.configuration)
    guard offer.bytes <= most else {
      throw LimitError("the weights take \(offer.bytes) bytes, but such a network has \(most) at most")
    }
    try options.checkMemory(for: visitor.configuration, besideWeights: offer.bytes)
    try visitor.offer?.checkWeights(offer.digest, of: visitor.run)
    logger.info(
      "receiving the weights of run \(visitor.run): \(Formatting.bytes(offer.bytes)), SHA-256 \(offer.digest.prefix(12))…"
    )
    let bytes = try bytes(interruption)
    return try InitialWeights([
      SafetensorsReader(
        name: "the weights from the edge", bytes: bytes, maximumHeaderBytes: InitialWeights.mostHeaderBytes)
    ])
  }

  private func bytes(_ interruption: Interruption) throws -> [UInt8] {
    let connection = visitor.connection
    let token = interruption.add { connection.cancellation?.cancel() }
    defer { interruption.remove(token) }
    var bytes: [UInt8] = []
    let hash = SHA256()
    do {
      try connection.send(.weightsRequest(WeightsRequest(digest: offer.digest)))
      while bytes.count < offer.bytes {
        let message = try connection.receive().message
        switch message {
        case .weights(let part):
          part.bytes.withUnsafeBytes(hash.update)
          bytes += part.bytes
        case .goodbye: throw TrainingError.peerInterrupted(peer: .edge)
        case .failure(let failure): throw failure
        default: throw WireError.unexpected(message, expected: "weights, goodbye, failure")
        }
      }
      let digest = Hexadecimal.encode(hash.finish())
      guard digest == offer.digest else {
        throw WireError.payload(type: .weights, field: "SHA-256", expected: offer.digest, actual: digest)
      }
      return bytes
    } catch {
      let error = interruption.verdict(on: error)
      if error is InterruptedError {
        Handshake.refuse(
          connection, Refusal(code: .shuttingDown, reason: "the cloud was interrupted by its user"), within: 2)
        throw error
      }
      connection.close(sending: Message(lastWordFor: error, of: .cloud), within: 2)
      throw LostVisitorError(cause: error)
    }
  }
}
