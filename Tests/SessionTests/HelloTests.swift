import Foundation
import TestSupport
import Testing

@testable import Platform
@testable import Training
@testable import Transport

/// Hellos that the cloud cannot accept: each is refused with a reason, and the next edge is served.
@Suite(.serialized) struct SessionsHelloTests {
  struct Case: Sendable, CustomStringConvertible {
    var key: String
    /// As JSON; nil to leave the key out.
    var value: String?
    var code = Refusal.Code.unsupportedConfiguration
    /// What the reason must hold.
    var reason: String

    var description: String { "\(key) \(value ?? "missing")" }
  }

  /// The hello of a good edge, as JSON, with one value replaced: of the configuration, or of the hello itself.
  private func hello(_ test: Case) throws -> String {
    let data = try JSONEncoder().encode(quickConfiguration())
    var configuration = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    var hello: [String: Any] = [
      "protocol_version": 7, "timeout_seconds": 60, "run_id": "bad", "window": 4, "exchange": "activations",
    ]
    let value = try test.value.map {
      try JSONSerialization.jsonObject(with: Data($0.utf8), options: .fragmentsAllowed)
    }
    if hello.keys.contains(test.key) { hello[test.key] = value } else { configuration[test.key] = value }
    if test.key != "configuration" { hello["configuration"] = configuration }
    return String(decoding: try JSONSerialization.data(withJSONObject: hello), as: UTF8.self)
  }

  /// What the cloud answers to bytes that are sent first.
  private func answer(_ cloud: TestCloud, _ bytes: [UInt8]) throws -> Refusal {
    while true {
      let socket = try Socket.connect(to: cloud.endpoint, timeout: 60)
      let connection = FramedConnection(socket, role: .edge)
      try socket.writeAll(bytes)
      guard case .refusal(let refusal) = try connection.receive().message else { throw CancellationError() }
      socket.close()
      if refusal.code != .busy { return refusal }
      Foundation.Thread.sleep(forTimeInterval: 0.01)
    }
  }

  @Test func eachIsRefusedForItsReason() throws {
    let cases = [
      Case(key: "architecture", value: "\"vgg99\"", reason: "architecture"),
      Case(key: "cut", value: "9", reason: "cut 9"),
      Case(key: "cut", value: "0", reason: "cut 0"),
      Case(key: "bottleneck", value: "0", reason: "bottleneck"),
      Case(key: "bottleneck", value: "1000000000", reason: "bottleneck"),
      Case(key: "exit_head", value: "\"none\"", reason: "exit_head"),
      Case(
        key: "strategy", value: "\"split\"", reason: "strategy split exchanges gradients, not activations"),
      Case(key: "strategy", value: "\"edge-only\"", reason: "strategy edge-only has no cloud"),
      Case(key: "strategy", value: "\"best\"", reason: "strategy"),
      Case(
        key: "exchange", value: "\"images\"",
        reason: "strategy hierarchical exchanges activations, not images"),
      Case(key: "exchange", value: "\"gradients\"", code: .malformed, reason: "window"),
      Case(key: "exchange", value: nil, code: .malformed, reason: "exchange"),
      Case(
        key: "task",
        value: #"{"shape":{"height":-1,"width":8,"channels":1},"classes":2,"mean":[0],"deviation":[1]}"#,
        reason: "shape of an image -1x8x1"),
      Case(
        key: "task",
        value: #"{"shape":{"height":8,"width":2,"channels":1},"classes":2,"mean":[0],"deviation":[1]}"#,
        reason: "2x2"),
      Case(key: "task", value: "1", reason: "task"),
      Case(key: "batch_size", value: "0", reason: "batch size 0"),
      Case(key: "batch_size", value: "-4", reason: "batch size -4"),
      Case(key: "batch_size", value: "1000000000", reason: "batch size 1000000000"),
      Case(key: "batch_size", value: "1e30", reason: "batch_size of hello: expected a whole number"),
      Case(key: "epochs", value: "1.5", reason: "configuration.epochs of hello: expected a whole number, got 1.5"),
      Case(key: "epochs", value: "\"ten\"", reason: "epochs of hello: expected a whole number, got \"ten\""),
      Case(key: "batch_size", value: nil, reason: "batch_size"),
      Case(key: "bits", value: "9", reason: "bits is 9"),
      Case(key: "bits", value: "0", reason: "bits is 0"),
      Case(key: "full_scale", value: "0", reason: "full scale is 0"),
      Case(key: "full_scale", value: "1.01", reason: "full scale is 1.01"),
      Case(key: "epochs", value: "0", reason: "epochs 0"),
      Case(key: "train_images", value: "0", reason: "training images 0"),
      Case(key: "test_images", value: "9000000000000000000", reason: "test images"),
      Case(key: "momentum", value: "1", reason: "momentum"),
      Case(key: "learning_rate", value: "-0.1", reason: "learning rate"),
      Case(key: "learning_rate", value: "1e300", reason: "learning_rate of hello: expected a number closer to 0"),
      Case(key: "seed", value: "-1", reason: "seed of hello: expected a whole number of at least 0"),
      Case(key: "run_id", value: "\"../x\"", code: .malformed, reason: "run_id"),
      Case(key: "run_id", value: "\"a/b\"", code: .malformed, reason: "run_id"),
      Case(key: "run_id", value: "\"\"", code: .malformed, reason: "run_id"),
      Case(key: "run_id", value: "\".x\"", code: .malformed, reason: "run_id"),
      Case(key: "window", value: "3", reason: "the hello's window is 3, but the configuration's is 4"),
      Case(key: "window", value: "0", code: .malformed, reason: "window"),
      Case(key: "window", value: "1000000", code: .malformed, reason: "window"),
      Case(key: "protocol_version", value: "4", code: .malformed, reason: "protocol_version"),
    ]
    let folder = try SessionFolder()
    // Refusals are no sessions.
    let cloud = try TestCloud(folder, sessions: 1)
    for test in cases {
      let refusal = try answer(cloud, controlFrame(.hello, hello(test)))
      #expect(refusal.code == test.code, "\(test)")
      #expect(refusal.reason.contains(test.reason), "\(test): \(refusal.reason)")
      #expect(!refusal.reason.contains("\n"), "\(test): \(refusal.reason)")
    }
    for (bytes, reason) in [
      (try controlFrame(.hello, "{"), "JSON"), (try controlFrame(.hello, "[]"), "hello"),
      (Array("GET / HTTP/1.1\r\nHost: cloud\r\n\r\n".utf8), "magic"),
    ] {
      let refusal = try answer(cloud, bytes)
      #expect(refusal.code == .malformed)
      #expect(refusal.reason.contains(reason), "\(refusal.reason)")
    }
    // Nothing was written for them.
    #expect(!folder.exists("cloud"))
    _ = try whileBusy { try runEdge(oneStepConfiguration(), cloud.endpoint, folder, run: "good.run_1") }
    let (completed, error) = cloud.end()
    #expect(completed.map { "\($0.runId)" } == ["good.run_1"])
    #expect(error == nil)
  }

  @Test func batchBeyondTheCloudsFramesIsRefused() throws {
    let folder = try SessionFolder()
    let configuration = try quickConfiguration(bits: 32)
    let largest = try configuration.largestFrameBytes()
    let cloud = try TestCloud(folder, sessions: 1, maximumFrameBytes: largest - 1)
    let error = #expect(throws: RefusedError.self) {
      try runEdge(configuration, cloud.endpoint, folder)
    }
    #expect(error?.code == .limitExceeded)
    #expect(error?.reason.contains("\(largest)") == true)
    #expect(error?.reason.contains("\(largest - 1)") == true)
    #expect(error?.reason.contains("--max-frame-bytes") == true)
    #expect(error.map(ErrorKind.init) == .refused)
    _ = try whileBusy { try runEdge(quickConfiguration(bits: 8), cloud.endpoint, folder) }
    #expect(cloud.end().completed.count == 1)

    // A cloud of exactly that limit takes it.
    let wide = try TestCloud(folder, sessions: 1, maximumFrameBytes: largest)
    _ = try runEdge(configuration, wide.endpoint, folder, run: "wide")
    #expect(wide.end().error == nil)
  }
}
