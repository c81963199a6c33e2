import Platform
import TestSupport
import Testing

@testable import Transport
@testable import Trust

/// A side with a place of its own for keys.
struct TestSide {
  let folder: SessionFolder
  let settings: TrustSettings

  init(_ encryption: TrustSettings.Encryption = .always) throws {
    folder = try SessionFolder()
    var settings = TrustSettings()
    settings.stateDirectory = folder.path + "/state"
    settings.encryption = encryption
    self.settings = settings
  }

  init(_ settings: TrustSettings) throws {
    folder = try SessionFolder()
    self.settings = settings
  }

  var state: StateDirectory { get throws { try settings.state } }
  var fingerprint: Fingerprint { get throws { try state.fingerprint() } }

  /// Lets each know the other's key.
  static func introduce(cloud: TestSide, edge: TestSide) throws {
    try KnownKeys.edges(cloud.state).add(KnownKey(edge.fingerprint, name: "edge"))
    try KnownKeys.clouds(edge.state).add(KnownKey(cloud.fingerprint, name: "cloud"))
  }
}

/// A cloud that lets one client in.
final class TestDoor: Sendable {
  let listener: SocketListener
  private let guest: Background<CloudTrust.Guest>

  init(_ settings: TrustSettings, listen: Endpoint? = nil, reading seconds: Double = 20) throws {
    let listener = try SocketListener(on: Endpoint(host: "127.0.0.1", port: 0))
    self.listener = listener
    let trust = CloudTrust(settings, listeningOn: listen ?? listener.localEndpoint)
    _ = try trust.check()
    guest = Background {
      let socket = try listener.accept(timeout: 20)
      return try trust.admit(socket, patience: Patience(deadline: Deadline(secondsFromNow: seconds)))
    }
  }

  var endpoint: Endpoint { listener.localEndpoint }

  func admitted() throws -> CloudTrust.Guest { try guest.result().get() }

  /// Its stream, and the key of the edge.
  func edge() throws -> (stream: any ByteStream, key: Fingerprint?) {
    guard case .edge(let stream, let key, _) = try admitted() else { throw ConnectionError.closed }
    return (stream, key)
  }

  /// Why a client was not let in.
  func cause() -> (any Error)? {
    let error = #expect(throws: RejectedClientError.self) { try self.admitted() }
    return error?.cause
  }
}

extension TestSide {
  /// Connects as an edge.
  func connect(to door: TestDoor, as cloud: Endpoint? = nil) throws -> any ByteStream {
    let socket = try Socket.connect(to: door.endpoint, timeout: 20)
    return try EdgeTrust(settings).secure(socket, to: cloud ?? door.endpoint, cancellation: nil)
  }

  /// What an edge is told that speaks and listens.
  ///
  /// - Parameter connected: called before it listens.
  func errorOfSpeaking(
    to door: TestDoor, as cloud: Endpoint? = nil, connected: (any ByteStream) throws -> Void = { _ in }
  ) -> (any Error)? {
    do {
      let stream = try connect(to: door, as: cloud)
      try connected(stream)
      // Its key is checked after the edge has agreed on keys.
      _ = try receive(1, from: stream)
      return nil
    } catch { return error }
  }
}

func receive(_ count: Int, from stream: any ByteStream) throws -> [UInt8] {
  var bytes = [UInt8](repeating: 0, count: count)
  try bytes.withUnsafeMutableBytes {
    try stream.readExactly(into: $0, patience: Patience(deadline: Deadline(secondsFromNow: 20)))
  }
  return bytes
}
