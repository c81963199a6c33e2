import Foundation
import Testing

/// A cloud that the system gives no further thread.
@Suite struct ThreadLimitTests {
  /// A client for whom there is no thread is told so, and the cloud goes on: as soon as there are threads again, it
  /// serves.
  @Test func clientsAreRefusedAndTheCloudLives() throws {
    let directory = try TemporaryDirectory()
    let cloud = try RunningCloud(in: directory, ["--sessions", "1"])
    let process = cloud.process.identifier
    // Less room than a thread's stack takes, but enough for everything else.
    try setAddressSpace(of: process, to: addressSpace(of: process) + 4_000_000)
    let refused = try ChildProcess.startEdge(cloud, in: directory, runDirectory: directory.path("refused")).wait()
    expectError(refused, .edge, code: 75, mentioning: ["busy", "no thread left"])
    try setAddressSpace(of: process, to: nil)
    let served = try ChildProcess.startEdge(cloud, in: directory).wait()
    #expect(served.end == .exited(0), "\(served.errors)")
    #expect(try cloud.process.wait().end == .exited(0))
  }

  /// Bytes of virtual memory that a process has.
  private func addressSpace(of process: pid_t) throws -> UInt64 {
    let pages = try String(contentsOfFile: "/proc/\(process)/statm", encoding: .utf8).split(separator: " ").first
    return try #require(pages.flatMap { UInt64($0) }) * UInt64(sysconf(Int32(_SC_PAGESIZE)))
  }

  /// By util-linux's program, since Swift's module of the C library lacks the call. Nil for no limit.
  private func setAddressSpace(of process: pid_t, to bytes: UInt64?) throws {
    let program = Process()
    program.executableURL = URL(fileURLWithPath: "/usr/bin/prlimit")
    program.arguments = ["--pid", "\(process)", "--as=\(bytes.map { "\($0)" } ?? "unlimited"):unlimited"]
    try program.run()
    program.waitUntilExit()
    try #require(program.terminationStatus == 0)
  }
}
