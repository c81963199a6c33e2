import Platform

@testable import Transport

extension FuzzTarget {
  /// A side of a connection that hears right frames, wrong ones and bytes, in any order, and speaks in between.
  static let connection = FuzzTarget("connection", words: FuzzMessages.words) {
    let count = UInt8(FuzzMessages.all.count)
    let script: [UInt8] = (0..<count).flatMap { [UInt8(0), $0, UInt8(1), $0] }
    let conversation: [UInt8] = [0, 0, 1, 8, 0, 11, 1, 15, 1, 27, 0, 17, 1, 19, 0, 21]
    let frames = try FuzzMessages.all.map { try FuzzMessages.frame($0) }
    let forged = zip(FuzzMessages.all, frames).map { message, frame in
      [0, 0, 0, 2, message.type.rawValue, 1, UInt8((frame.count - 24) % 256), UInt8((frame.count - 24) / 256)]
        + frame[24...]
    }
    let raw = frames.prefix(9).map { [1, 3, UInt8(clamping: $0.count)] + $0 }
    let asked: [UInt8] = [1, 1, 0, 0, 8, 1, 11, 0, 15, 0, 27, 1, 17, 0, 19, 1, 21]
    return [[0] + script, [1] + script, [0] + conversation, asked] + forged + raw
  } run: { input in
    var input = FuzzInput(input)
    let stream = ScriptStream()
    let connection = FramedConnection(
      stream, role: input.byte() % 2 == 0 ? .edge : .cloud, maximumFrameBytes: 1 << 20 + FrameHeader.byteCount)
    var isBroken = false
    while !input.isAtEnd {
      switch input.byte() % 4 {
      case 0:
        do { _ = try connection.send(input.one(of: FuzzMessages.all)) } catch is WireError {}
        continue
      case 1: stream.append(FuzzMessages.frames[input.choice(FuzzMessages.frames.count)])
      case 2:
        let number = input.byte()
        let type = FrameType(rawValue: number) ?? FrameType.allCases[Int(number) % FrameType.allCases.count]
        let sequence = UInt64(input.byte())
        let payload = input.bytes(Int(input.byte()) + 256 * input.choice(4))
        stream.append(try FuzzMessages.frame(type, sequence: type.isBatch ? max(1, sequence) : 0, payload))
      default: stream.append(input.bytes(Int(input.byte())))
      }
      let before = connection.conversation
      do {
        let received = try connection.receive()
        try require(!isBroken, "a message behind a broken frame")
        try require(received.receivedWith == connection.ledger.received, "bytes that are not in the ledger")
      } catch ConnectionError.brokenInsideFrame {
        try require(isBroken, "no frame was broken")
      } catch ConnectionError.endOfStream {
        try require(connection.isBetweenFrames, "between frames")
      } catch let error where error is WireError || error is ConnectionError {
        isBroken = true
        try require(connection.conversation == before, "the conversation went on: \(error)")
      }
    }
  }
}

extension FuzzMessages {
  fileprivate static let frames = all.map { message in
    do { return try frame(message) } catch { fatalError("the messages are right: \(error)") }
  }
}

/// Gives what was put into it, and takes whatever is written.
private final class ScriptStream: ByteStream {
  let timeout = 1.0
  let remoteEndpoint: Endpoint? = nil
  private let bytes = Guarded<ArraySlice<UInt8>>([])

  func append(_ more: [UInt8]) { bytes.withLock { $0 += more } }

  func read(into buffer: UnsafeMutableRawBufferPointer, patience: Patience, expecting: () -> Expectation) throws -> Int
  {
    _ = expecting()
    return bytes.withLock { bytes in
      let piece = bytes.prefix(buffer.count)
      buffer.copyBytes(from: piece)
      bytes = bytes.dropFirst(piece.count)
      return piece.count
    }
  }

  func write(_ bytes: inout OutgoingBytes, patience: Patience) throws { bytes.advance(by: bytes.count) }
  func shutdownWriting(patience: Patience) {}
  func close() {}
  func release() {}
  func rest(until moment: UInt64, wakeUp: WakeUp, patience: Patience) throws -> Bool { false }
  func allowSilence(seconds: Double) {}
}
