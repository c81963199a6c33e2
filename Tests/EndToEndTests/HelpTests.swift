import CommandLineSupport
import Foundation
import Testing
import Training

/// The texts that users see before any run, as golden files. `RECORD_SNAPSHOTS=1` writes them again.
@Suite struct HelpTests {
  static let cases: [(program: TestedProgram, arguments: [String], snapshot: String)] = [
    (.edge, ["--help"], "edge-trainer"),
    (.edge, ["train", "--help"], "edge-trainer-train"),
    (.edge, ["resume", "--help"], "edge-trainer-resume"),
    (.edge, ["runs", "--help"], "edge-trainer-runs"),
    (.edge, ["compare", "--help"], "edge-trainer-compare"),
    (.edge, ["plan", "--help"], "edge-trainer-plan"),
    (.edge, ["predict", "--help"], "edge-trainer-predict"),
    (.edge, ["data", "--help"], "edge-trainer-data"),
    (.edge, ["describe", "--help"], "edge-trainer-describe"),
    (.edge, ["describe"], "describe-vgg8"),
    (.edge, ["describe", "--architecture", "vgg16", "--bits", "2"], "describe-vgg16-2-bits"),
    (
      .edge, ["describe", "--architecture", "resnet18", "--bottleneck", "16", "--exit-head", "conv"],
      "describe-resnet18-bottleneck"
    ),
    (.cloud, ["--help"], "cloud-trainer"),
    (.edge, ["join", "--help"], "edge-trainer-join"),
    (.edge, ["clouds", "--help"], "edge-trainer-clouds"),
    (.cloud, ["invite", "--help"], "cloud-trainer-invite"),
    (.cloud, ["edges", "--help"], "cloud-trainer-edges"),
  ]

  @Test(arguments: cases.indices)
  func textIsTheGoldenOne(index: Int) throws {
    let (program, arguments, snapshot) = Self.cases[index]
    let finished = try ChildProcess.run(program, arguments, in: TemporaryDirectory())
    #expect(finished.end == .exited(0))
    #expect(finished.errors == "")
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Snapshots/\(snapshot).txt")
    if ProcessInfo.processInfo.environment["RECORD_SNAPSHOTS"] == "1" {
      try finished.output.write(to: file, atomically: true, encoding: .utf8)
    }
    let golden = try String(contentsOf: file, encoding: .utf8)
    #expect(finished.output == golden, "RECORD_SNAPSHOTS=1 records \(file.lastPathComponent) anew")
  }

  @Test(arguments: [
    (TestedProgram.edge, ["--help"]), (.edge, ["train", "--help"]), (.edge, ["resume", "--help"]),
    (.edge, ["describe", "--help"]), (.edge, ["data", "--help"]),
    (.cloud, ["--help"]),
  ])
  func helpFitsIntoEightyColumns(program: TestedProgram, arguments: [String]) throws {
    let finished = try ChildProcess.run(program, arguments, in: TemporaryDirectory())
    let lines = finished.outputLines.filter { !$0.hasPrefix("USAGE:") }
    #expect(lines.count > 5)
    for line in lines { #expect(line.count <= 80, "\(line)") }
  }

  @Test(arguments: [(TestedProgram.edge, "train"), (.cloud, "invite")])
  func helpIsACommandToo(program: TestedProgram, command: String) throws {
    let directory = try TemporaryDirectory()
    let asked = try ChildProcess.run(program, ["help", command], in: directory)
    #expect(asked.end == .exited(0))
    #expect(try asked.output == ChildProcess.run(program, [command, "--help"], in: directory).output)
    #expect(try ChildProcess.run(program, ["help"], in: directory).end == .exited(0))
  }

  @Test(arguments: TestedProgram.allCases)
  func helpListsEveryExitCode(program: TestedProgram) throws {
    let finished = try ChildProcess.run(program, ["--help"], in: TemporaryDirectory())
    for exit in RunExit.allCases {
      #expect(
        finished.outputLines.contains { $0.split(separator: " ").first == "\(exit.rawValue)" }, "\(exit)")
    }
  }

  @Test(arguments: TestedProgram.allCases)
  func versionIsPrinted(program: TestedProgram) throws {
    let finished = try ChildProcess.run(program, ["--version"], in: TemporaryDirectory())
    #expect(finished.end == .exited(0))
    let words = try #require(finished.outputLines.first).split(separator: " ").map(String.init)
    #expect(words.prefix(3) == [program.rawValue, Software.version, "(commit"])
    let libraries = try #require(finished.outputLines.dropFirst().first)
    for library in ["OpenBLAS ", "(kernels ", "OpenSSL 3.", "zstd 1.", "libjpeg", "libpng 1."] {
      #expect(libraries.contains(library), "\(libraries)")
    }
  }
}
