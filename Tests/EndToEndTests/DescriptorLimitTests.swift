import Foundation
import TestSupport
import Testing

@testable import Transport

/// A cloud that the system gives no further descriptor.
@Suite struct DescriptorLimitTests {
  /// Clients wait while there are no descriptors; the run under way goes on, and then they are answered.
  @Test func clientsWaitAndTheRunGoesOn() throws {
    let directory = try TemporaryDirectory()
    let cloud = try RunningCloud(in: directory, ["--checkpoint-interval", "0.1"])
    let edge = try ChildProcess.startEdge(cloud, in: directory, .endless)
    let files = RunFiles(directory.path("edge"))
    try edge.wait(for: "the first step") { files.loggedSteps > 0 ? true : nil }
    try leaveDescriptors(10, of: cloud.process.identifier)
    let endpoint = cloud.endpoint
    let silent = (0..<20).map { _ in
      Background { try Socket.connect(to: endpoint, timeout: ChildProcess.limit) }
    }
    try cloud.process.wait(for: "the shortage") {
      cloud.process.errors.contains("WARNING accept failed: Too many open files") ? true : nil
    }
    let steps = files.loggedSteps
    try edge.wait(for: "more steps") { files.loggedSteps > steps + 20 ? true : nil }
    for client in silent { try? client.value().close() }
    let other = try ChildProcess.startEdge(cloud, in: directory, runDirectory: directory.path("other")).wait()
    expectError(other, .edge, code: 75, mentioning: ["busy", "serving the edge"])
    #expect(cloud.process.errors.components(separatedBy: "Too many open files").count == 2, "\(cloud.process.errors)")
    edge.send(signal: SIGINT)
    #expect(try edge.wait().end == .exited(130))
    cloud.process.send(signal: SIGINT)
    #expect(try cloud.process.wait().end == .exited(130))
  }

  /// Leaves so many numbers free; it may have inherited any from the process that runs the tests.
  private func leaveDescriptors(_ count: Int, of process: pid_t) throws {
    let used = Set(try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd").compactMap { Int($0) })
    let limit = (0...).lazy.filter { !used.contains($0) }.prefix(count).reduce(0, max) + 1
    let program = Process()
    program.executableURL = URL(fileURLWithPath: "/usr/bin/prlimit")
    program.arguments = ["--pid", "\(process)", "--nofile=\(limit):"]
    try program.run()
    program.waitUntilExit()
    try #require(program.terminationStatus == 0)
  }
}
