import Glibc
import Logging
import Synchronization
import TestSupport
import Testing

@testable import CloudSide
@testable import EdgeSide
@testable import Platform
@testable import Training
@testable import Transport
@testable import Trust

/// A log that a test reads.
private struct RecordingLog: LogHandler {
  let lines: SessionList<String>
  var logLevel = Logger.Level.info
  var metadata = Logger.Metadata()

  init(_ lines: SessionList<String>) { self.lines = lines }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) { lines.append("\(event.level) \(event.message)") }
}

/// What the cloud's log is told of those who come to the door.
@Suite(.serialized) struct DoorTests {
  private let lines = SessionList<String>()

  private func cloud(_ folder: SessionFolder) throws -> TestCloud {
    try TestCloud(folder, sessions: nil, logger: Logger(label: "door") { [lines] _ in RecordingLog(lines) })
  }

  /// Says this, and waits until the cloud has closed.
  private func say(_ bytes: [UInt8], _ cloud: TestCloud) throws {
    let socket = try Socket.connect(to: cloud.endpoint, timeout: 60)
    try socket.writeAll(bytes)
    socket.drain(maximumBytes: 1 << 20, patience: Patience(deadline: Deadline(secondsFromNow: 60)))
    socket.close()
  }

  /// Whoever looks whether the port is open leaves no line.
  @Test func healthChecksAreNotLogged() throws {
    let cloud = try cloud(SessionFolder())
    for _ in 0..<3 { try Socket.connect(to: cloud.endpoint, timeout: 60).close() }
    let resetting = try Socket.connect(to: cloud.endpoint, timeout: 60)
    try resetting.descriptor.use { descriptor in
      // Closing with this option makes the kernel reset the connection.
      var option = linger(l_onoff: 1, l_linger: 0)
      setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }
    resetting.close()
    // They came before this one.
    try say(Array("GET / HTTP/1.1\r\n\r\n and more".utf8), cloud)
    cloud.stop()
    #expect(lines.all.count == 1, "\(lines.all)")
    #expect(lines.all.first?.contains("bad magic") == true, "\(lines.all)")
  }

  @Test func strangersAreCounted() throws {
    let cloud = try cloud(SessionFolder())
    for _ in 0..<3 { try say(Array("GET / HTTP/1.1\r\n\r\n and more".utf8), cloud) }
    cloud.stop()
    #expect(lines.all.count == 2, "\(lines.all)")
    #expect(lines.all.first?.hasPrefix("warning 127.0.0.1:") == true, "\(lines.all)")
    #expect(lines.all.last?.hasPrefix("warning 2 more like it in the last minute") == true, "\(lines.all)")
    #expect(lines.all.last?.contains("bad magic") == true, "\(lines.all)")
  }

  /// Many addresses do not fill the log, and what they say does not hide an edge whose key is not known.
  @Test func crowdsAreCounted() {
    let log = DoorLog(Logger(label: "door") { [lines] _ in RecordingLog(lines) })
    let key = Fingerprint(parsing: String(repeating: "ab", count: 32))!
    for number in 0..<1000 {
      let client = Endpoint(host: "10.0.\(number / 250).\(number % 250)", port: 1)
      log.crowd(client, "too many clients in a minute")
      log.rejected(RejectedClientError(client: client, cause: PlainTextError(), saidNothing: false, refusal: nil))
    }
    log.rejected(
      RejectedClientError(client: nil, cause: TrustError.unknownEdge(key), saidNothing: false, refusal: nil))
    #expect(lines.all.count == 3, "\(lines.all)")
    #expect(lines.all.last?.contains("abababababababab") == true, "\(lines.all)")
    log.flush(isEnd: true)
    #expect(lines.all.count == 5, "\(lines.all)")
    #expect(lines.all.suffix(2).allSatisfy { $0.hasPrefix("warning 999 more like it") }, "\(lines.all)")
  }

  /// Each reason has its line, and so has each key; whoever makes very many keys does not fill the log.
  @Test func reasonsHaveTheirOwnLines() {
    let log = DoorLog(Logger(label: "door") { [lines] _ in RecordingLog(lines) })
    func key(_ number: Int) -> Fingerprint {
      Fingerprint(parsing: String(repeating: "0", count: 60) + String(number + 4096, radix: 16))!
    }
    func reject(_ cause: any Error) {
      log.rejected(RejectedClientError(client: nil, cause: cause, saidNothing: false, refusal: nil))
    }
    for reason in ["is unknown", "was used", "has expired"] { reject(TrustError.invitation(reason: reason)) }
    reject(TrustError.refusedByEdge(own: key(0)))
    for path in ["a", "b"] { reject(TrustError.unusable(path: path, reason: "r")) }
    for _ in 0..<3 { for number in 0..<2 { reject(TrustError.unknownEdge(key(number))) } }
    #expect(lines.all.count == 8, "\(lines.all)")
    for number in 0..<1000 { reject(TrustError.unknownEdge(key(number))) }
    #expect(lines.all.count < 30)
  }

  @Test func busyRefusalsAreCounted() throws {
    let cloud = try cloud(SessionFolder())
    let edge = try FakeEdge(cloud.endpoint, quickConfiguration(), run: "inside")
    for _ in 0..<3 {
      let socket = try Socket.connect(to: cloud.endpoint, timeout: 60)
      let error = #expect(throws: RefusedError.self) {
        try Handshake.connect(
          FramedConnection(socket, role: .edge), hello: Hello(runID: "outside", configuration: quickConfiguration()))
      }
      #expect(error?.code == .busy)
    }
    cloud.interruption.request()
    _ = try edge.lastWord()
    edge.connection.abandon()
    cloud.stop()
    let told = lines.all.filter { $0.contains("busy with 127.0.0.1:") }
    #expect(told.count == 2, "\(lines.all)")
    #expect(told.first?.hasPrefix("notice refused 127.0.0.1:") == true, "\(told)")
    #expect(told.last?.hasPrefix("notice 2 more like it") == true, "\(told)")
  }

  /// The first is told at once, the others once a minute, those of another kind on their own.
  @Test func repeatedLines() {
    var lines = RepeatedLines()
    let minute: UInt64 = 60_000_000_000
    #expect(lines.add("a1", of: "a", at: 0) == "a1")
    #expect(lines.add("b1", of: "b", at: 1) == "b1")
    #expect(lines.add("a2", of: "a", at: 2) == nil)
    #expect(lines.add("a3", of: "a", at: 3) == nil)
    #expect(lines.takeDue(at: minute - 1) == [])
    #expect(lines.takeDue(at: minute) == ["2 more like it in the last minute, the last of them: a3"])
    #expect(lines.add("a4", of: "a", at: minute + 1) == nil)
    #expect(lines.takeDue(at: minute + 2) == [])
    #expect(lines.takeDue(at: minute + 3, isEnd: true) == ["1 more like it in the last minute, the last of them: a4"])
    // After a quiet minute it is the first one again.
    #expect(lines.takeDue(at: 3 * minute) == [])
    #expect(lines.add("a5", of: "a", at: 3 * minute) == "a5")
    for kind in 0..<1000 { _ = lines.add("x", of: "\(kind)", at: 3 * minute) }
    #expect(lines.takeDue(at: 4 * minute).count == 1)
  }

  /// A client for whom there is no thread is told so, and the cloud goes on: as soon as there is one, it serves.
  @Test func clientsWithoutAThreadAreRefused() throws {
    let folder = try SessionFolder()
    let threadsLeft = Atomic<Bool>(false)
    let cloud = try TestCloud(folder, logger: Logger(label: "door") { [lines] _ in RecordingLog(lines) }) {
      $0.startThread = { body in
        guard threadsLeft.load(ordering: .acquiring) else { throw ThreadError(errnoCode: EAGAIN) }
        return try Thread(body)
      }
    }
    let error = #expect(throws: RefusedError.self) { try runEdge(oneStepConfiguration(), cloud.endpoint, folder) }
    #expect(error?.code == .busy)
    #expect(error?.reason.contains("no thread left") == true)
    #expect(lines.all.count == 1, "\(lines.all)")
    #expect(lines.all.first?.contains("the system gives no further thread") == true, "\(lines.all)")
    threadsLeft.store(true, ordering: .releasing)
    _ = try runEdge(oneStepConfiguration(), cloud.endpoint, folder, run: "served")
    #expect(cloud.end().completed.count == 1)
  }

  /// A thread that cannot be had now may be had later: the connection is lost, not the run.
  @Test func shortageOfThreadsIsPassing() {
    let error = ThreadError(errnoCode: EAGAIN)
    #expect(LinkKeeper.isPassing(error))
    #expect(CloudSession.isPassing(error))
  }
}
