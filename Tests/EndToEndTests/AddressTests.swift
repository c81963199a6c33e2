import Foundation
import Platform
import Testing

@testable import Transport

/// Whom the programs can reach, and what they make of whoever is there.
@Suite struct AddressTests {
  /// Listens on a free port and does `body` with the first client, on a thread of its own.
  private static func serve(_ body: @escaping @Sendable (Socket) -> Void) throws -> Endpoint {
    let listener = try SocketListener(on: Endpoint(host: "127.0.0.1", port: 0))
    Foundation.Thread.detachNewThread {
      guard let client = try? listener.accept(timeout: ChildProcess.limit) else { return }
      body(client)
      listener.close()
    }
    return listener.localEndpoint
  }

  private static func train(_ cloud: String, in directory: TemporaryDirectory, _ more: [String] = []) throws
    -> FinishedProcess
  {
    try ChildProcess.run(
      .edge, ["train", "--cloud", cloud] + EdgeRun.tiny.arguments + more, in: directory)
  }

  @Test func noCloudAtTheAddress() throws {
    let directory = try TemporaryDirectory()
    // A port that was free a moment ago.
    let listener = try SocketListener(on: Endpoint(host: "127.0.0.1", port: 0))
    let endpoint = "\(listener.localEndpoint)"
    listener.close()
    expectError(
      try Self.train(endpoint, in: directory), .edge, code: 69,
      mentioning: [endpoint, "Connection refused", "start cloud-trainer", "--cloud"])
    #expect(
      try !FileManager.default.contentsOfDirectory(atPath: directory.path).contains("runs"),
      "a run that never began left a directory")
    expectError(
      try Self.train(endpoint, in: directory, ["--run-dir", directory.path("new/run")]), .edge, code: 69,
      mentioning: ["Connection refused"])
    #expect(
      try !FileManager.default.contentsOfDirectory(atPath: directory.path).contains("new"),
      "a run that never began left a directory")
    let old = try directory.subdirectory("old")
    expectError(
      try Self.train(endpoint, in: directory, ["--run-dir", old]), .edge, code: 69,
      mentioning: ["Connection refused"])
    #expect(FileManager.default.fileExists(atPath: old))
  }

  @Test func nameWithoutAddress() throws {
    let directory = try TemporaryDirectory()
    expectError(
      try Self.train("no-such-host.invalid:7070", in: directory), .edge, code: 69,
      mentioning: ["\"no-such-host.invalid\""])
  }

  @Test func addressInUse() throws {
    let directory = try TemporaryDirectory()
    let listener = try SocketListener(on: Endpoint(host: "127.0.0.1", port: 0))
    let endpoint = "\(listener.localEndpoint)"
    expectError(
      try ChildProcess.run(.cloud, ["--listen", endpoint], in: directory), .cloud, code: 69,
      mentioning: [endpoint, "Address already in use", "--listen"])
    listener.close()
  }

  @Test func cloudOfAnotherVersion() throws {
    let directory = try TemporaryDirectory()
    let endpoint = try Self.serve { client in
      let welcome: [UInt8] = [
        0x48, 0x54, 0x52, 0x4e,  // magic: HTRN
        0x01, 0x00,  // protocol version 1
        0x02,  // type: welcome
        0x00,  // flags
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,  // sequence number
        0x00, 0x00, 0x00, 0x00,  // payload length
        0x00, 0x00, 0x00, 0x00,  // checksum
      ]
      try? client.writeAll(welcome)
      client.drain(maximumBytes: 1 << 20, patience: Patience(deadline: Deadline(secondsFromNow: 5)))
    }
    expectError(
      try Self.train("\(endpoint)", in: directory), .edge, code: 76,
      mentioning: ["cloud speaks protocol version 1", "this edge speaks 7", "install the same release"])
  }

  @Test func somethingElseAtTheAddress() throws {
    let directory = try TemporaryDirectory()
    let endpoint = try Self.serve { client in
      try? client.writeAll(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8))
      client.drain(maximumBytes: 1 << 20, patience: Patience(deadline: Deadline(secondsFromNow: 5)))
    }
    expectError(
      try Self.train("\(endpoint)", in: directory), .edge, code: 76,
      mentioning: ["no cloud-trainer at \(endpoint)", "bad magic", "48 54 54 50"])
  }

  @Test func interruptedWhileTheCloudIsSilent() throws {
    let directory = try TemporaryDirectory()
    let silence = DispatchSemaphore(value: 0)
    let greeted = DispatchSemaphore(value: 0)
    let endpoint = try Self.serve { client in
      greeted.signal()
      silence.wait()
      client.close()
    }
    defer { silence.signal() }
    let edge = try ChildProcess.start(
      .edge, ["train", "--cloud", "\(endpoint)", "--timeout", "1000"] + EdgeRun.tiny.arguments, in: directory)
    try #require(greeted.wait(timeout: .now() + ChildProcess.limit) == .success)
    edge.send(signal: SIGINT)
    expectError(try edge.wait(), .edge, code: 130, mentioning: ["interrupted"])
  }

  @Test(arguments: ["localhost:0", "[::1]:0"])
  func namesAndIPv6(listen: String) throws {
    if listen.hasPrefix("["), (try? SocketListener(on: Endpoint(host: "::1", port: 0))) == nil { return }
    let directory = try TemporaryDirectory()
    let cloud = try RunningCloud(in: directory, listen: listen, ["--sessions", "1"])
    #expect(cloud.endpoint.port != 0)
    if listen.hasPrefix("[") { #expect(cloud.endpoint.host == "::1") }
    let host = listen.hasPrefix("[") ? "[::1]" : "localhost"
    let edge = try Self.train("\(host):\(cloud.endpoint.port)", in: directory)
    #expect(edge.end == .exited(0), "\(edge.errors)")
    #expect(try cloud.process.wait().end == .exited(0))
  }

  @Test func secondEdgeIsRefusedWithTheReason() throws {
    let directory = try TemporaryDirectory()
    let cloud = try RunningCloud(in: directory, ["--sessions", "1"])
    let first = try ChildProcess.startEdge(cloud, in: directory, .endless)
    let files = RunFiles(directory.path("edge"))
    try first.wait(for: "the first step") { files.loggedSteps > 0 ? true : nil }
    let second = try ChildProcess.startEdge(cloud, in: directory, runDirectory: directory.path("second"))
      .wait()
    expectError(
      second, .edge, code: 75,
      mentioning: ["the cloud refused (busy)", "serving the edge at 127.0.0.1:", "try again"])
    #expect(cloud.process.errors.contains("busy with"))
    // The first goes on.
    let steps = files.loggedSteps
    try first.wait(for: "another step") { files.loggedSteps > steps ? true : nil }
  }

  @Test func randomBytesAreRefusedAndTheNextEdgeIsServed() throws {
    let directory = try TemporaryDirectory()
    let cloud = try RunningCloud(in: directory, ["--sessions", "1"])
    var generator = SystemRandomNumberGenerator()
    let noise = (0..<10 << 17).flatMap { _ in withUnsafeBytes(of: generator.next()) { Array($0) } }
    #expect(noise.count == 10 << 20)
    let client = try Socket.connect(to: cloud.endpoint, timeout: ChildProcess.limit)
    // The cloud may close before all of it is sent.
    try? client.writeAll(noise)
    client.close()
    try cloud.process.wait(for: "the refusal") {
      cloud.process.errors.contains("was not let in") ? true : nil
    }
    #expect(cloud.process.errors.contains("bad magic: expected HTRN"))
    let edge = try ChildProcess.startEdge(cloud, in: directory).wait()
    #expect(edge.end == .exited(0), "\(edge.errors)")
    #expect(try cloud.process.wait().end == .exited(0))
  }
}
