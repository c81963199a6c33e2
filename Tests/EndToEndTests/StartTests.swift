import Compute
import Foundation
import Testing
import Transport

/// How the programs start: kernels, the restart for them, odd arguments and missing descriptors.
@Suite struct StartTests {
  private static func kernels(in log: String) -> String? {
    guard let range = log.range(of: "OpenBLAS kernels ") else { return nil }
    return log[range.upperBound...].split(separator: ",").first.map(String.init)
  }

  /// Starts an edge that finds no cloud.
  private static func startInVain(
    in directory: TemporaryDirectory, environment: [String: String?] = [:], runDirectory: String? = nil
  ) throws -> FinishedProcess {
    try ChildProcess.run(
      .edge,
      ["train", "--cloud", "127.0.0.1:1", "--run-dir", runDirectory ?? directory.path("edge")]
        + EdgeRun.tiny.arguments, in: directory, environment: environment)
  }

  #if arch(x86_64)
    /// Both are kernels that every x86-64 CPU can run, and neither is what a restart would choose.
    @Test(arguments: ["Prescott", "Nehalem"])
    func userChoosesTheKernels(name: String) throws {
      let directory = try TemporaryDirectory()
      let finished = try Self.startInVain(in: directory, environment: ["OPENBLAS_CORETYPE": name])
      #expect(finished.end == .exited(69), "\(finished.errors)")
      #expect(Self.kernels(in: finished.errors) == name)
    }

    @Test(.enabled(if: Processors.flags().isSuperset(of: ["avx2", "fma"])))
    func haswellIsObeyed() throws {
      let directory = try TemporaryDirectory()
      let cloud = try RunningCloud(
        in: directory, ["--sessions", "1"], environment: ["OPENBLAS_CORETYPE": "Haswell"])
      let edge = try ChildProcess.startEdge(
        cloud, in: directory, environment: ["OPENBLAS_CORETYPE": "Haswell"]
      ).wait()
      #expect(edge.end == .exited(0), "\(edge.errors)")
      #expect(Self.kernels(in: edge.errors) == "Haswell")
      let finished = try cloud.process.wait()
      #expect(Self.kernels(in: finished.errors) == "Haswell")
      #expect(try RunFiles(directory.path("edge")).summary()["kernels"] as? String == "Haswell")
      #expect(try cloud.runDirectory().summary()["kernels"] as? String == "Haswell")
    }

    /// Without the variable the program takes kernels that need no restart any more, wherever it got them.
    @Test func restartEndsWithTheBestKernels() throws {
      let directory = try TemporaryDirectory()
      let finished = try Self.startInVain(in: directory)
      #expect(finished.end == .exited(69), "\(finished.errors)")
      let kernels = try #require(Self.kernels(in: finished.errors))
      #expect(BLASKernels.betterChoice(than: kernels, flags: Processors.flags()) == nil, "\(kernels)")
      #expect(
        finished.errors.components(separatedBy: "OpenBLAS kernels").count == 2,
        "it has started more than once")
    }
  #endif

  @Test func processKeepsItsNameAndIdentifier() throws {
    let directory = try TemporaryDirectory()
    let cloud = try RunningCloud(in: directory)
    let name = try String(contentsOfFile: "/proc/\(cloud.process.identifier)/comm", encoding: .utf8)
    #expect(name == "cloud-trainer\n")
  }

  @Test func argumentsSurviveTheRestart() throws {
    let directory = try TemporaryDirectory()
    let odd = directory.path("a b  'c' \"d\" \\ $HOME * ü\n\u{1b}[31m é")
    let finished = try Self.startInVain(in: directory, runDirectory: odd)
    #expect(finished.end == .exited(69), "\(finished.errors)")
    // Nothing in a name can move the cursor or begin a line.
    #expect(!finished.errors.contains("\u{1b}"))
    #expect(finished.errors.contains("ü\\n"))
  }

  @Test func readerOfTheTableHasGone() throws {
    let directory = try TemporaryDirectory()
    let cloud = try RunningCloud(in: directory, ["--sessions", "1"])
    let edge = try ChildProcess.startEdge(cloud, in: directory, output: .brokenPipe).wait()
    #expect(edge.end == .exited(0), "\(edge.errors)")
    #expect(try RunFiles(directory.path("edge")).outcome() == "completed")
    #expect(try ChildProcess.run(.edge, ["describe"], in: directory, output: .brokenPipe).end == .exited(0))
    #expect(try ChildProcess.run(.cloud, ["--help"], in: directory, output: .brokenPipe).end == .exited(0))
  }

  /// What is printed must not get into the pipe, socket or file that would take the number of standard output.
  @Test func standardInputAndOutputAreClosed() throws {
    let directory = try TemporaryDirectory()
    // Nobody can read the address, so it is chosen here: a port that was free a moment ago.
    let listener = try SocketListener(on: Endpoint(host: "127.0.0.1", port: 0))
    let endpoint = listener.localEndpoint
    listener.close()
    let cloud = try ChildProcess.start(
      .cloud, ["--listen", "\(endpoint)", "--run-dir", directory.path("cloud"), "--sessions", "1"],
      in: directory,
      input: .closed, output: .closed)
    // A client that says nothing sensible, only to know that the cloud listens.
    try cloud.wait(for: "the cloud to listen") { () -> Bool? in
      guard let client = try? Socket.connect(to: endpoint, timeout: ChildProcess.limit) else { return nil }
      try client.writeAll([0])
      client.close()
      return true
    }
    try cloud.wait(for: "its departure") { cloud.errors.contains("was not let in") ? true : nil }
    let edge = try ChildProcess.run(
      .edge,
      ["train", "--cloud", "\(endpoint)", "--run-dir", directory.path("edge")] + EdgeRun.tiny.arguments,
      in: directory, input: .closed, output: .closed)
    #expect(edge.end == .exited(0), "\(edge.errors)")
    let finished = try cloud.wait()
    #expect(finished.end == .exited(0), "\(finished.errors)")
  }
}
