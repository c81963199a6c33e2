import Foundation
import Testing

/// What shells complete, of which the programs make the scripts.
@Suite struct CompletionTests {
  /// What is asked of a command's arguments; the rest of the description is passed over.
  private struct Description: Decodable {
    var command: Command

    struct Command: Decodable {
      var commandName: String
      var arguments: [Argument]?
      var subcommands: [Command]?

      /// Those of all subcommands, too, with the command's name.
      var allArguments: [(command: String, argument: Argument)] {
        (arguments ?? []).map { (commandName, $0) } + (subcommands ?? []).flatMap(\.allArguments)
      }
    }

    struct Argument: Decodable {
      var valueName: String?
      var abstract: String?
      var completionKind: Kind?
      var names: [Name]?

      struct Name: Decodable { var name: String }
    }

    struct Kind: Decodable {
      var file: Files?
      var directory: Empty?
      var list: Values?
      var custom: Empty?

      struct Files: Decodable { var extensions: [String] }
      struct Empty: Decodable {}
      struct Values: Decodable { var values: [String] }
    }
  }

  /// The names of values that are paths.
  private static let files: Set<String> = ["file", "file,file", "file.csv", "prefix", "photo"]
  private static let directories: Set<String> = ["dir", "dir|synthetic"]

  @Test(arguments: TestedProgram.allCases)
  func pathsAreCompleted(program: TestedProgram) throws {
    let finished = try ChildProcess.run(program, ["--experimental-dump-help"], in: TemporaryDirectory())
    let arguments = try JSONDecoder().decode(Description.self, from: Data(finished.output.utf8)).command.allArguments
    let paths = arguments.filter { argument in
      argument.argument.valueName.map { Self.files.contains($0) || Self.directories.contains($0) } ?? false
    }
    #expect(paths.count >= 7)
    for (command, argument) in paths {
      let isFile = argument.valueName.map(Self.files.contains) ?? false
      let name = "\(command): \(argument.abstract ?? "")"
      #expect((argument.completionKind?.file != nil) == isFile, "\(name)")
      #expect((argument.completionKind?.directory != nil) == !isFile, "\(name)")
    }
  }

  @Test func valuesOfWhichThereAreFewAreCompleted() throws {
    let finished = try ChildProcess.run(.edge, ["--experimental-dump-help"], in: TemporaryDirectory())
    let arguments = try JSONDecoder().decode(Description.self, from: Data(finished.output.utf8)).command.allArguments
    for (command, option, value) in [
      ("train", "link-rate", "3g"), ("plan", "link-rate", "wifi"), ("train", "architecture", "resnet18-imagenet"),
      ("train", "strategy", "cloud-stream"), ("plan", "strategies", "split"), ("train", "exit-head", "pyramid"),
      ("train", "schedule", "cosine"), ("train", "convolution", "winograd"), ("train", "compression", "zstd"),
      ("runs", "format", "csv"),
    ] {
      let found = arguments.first { $0.command == command && $0.argument.names?.first?.name == option }
      #expect(found?.argument.completionKind?.list?.values.contains(value) == true, "\(command) --\(option)")
    }
  }

  /// As a shell asks: names, numbers that are begun, and directories.
  @Test func runsAreCompleted() throws {
    let directory = try TemporaryDirectory()
    for (number, name, role) in [
      ("20261123-081502-3f9a1c", #", "name": "my run""#, "edge"), ("20261123-081502-3f9a1d", "", "edge"),
      ("20261123-081502-3f9a1e", "", "cloud"),
    ] {
      let file = try directory.subdirectory("runs/\(number)/\(role)") + "/config.json"
      try Data(#"{"role": "\#(role)", "run_id": "\#(number)"\#(name)}"#.utf8).write(to: URL(filePath: file))
    }
    func offered(_ command: String, _ prefix: String) throws -> [String] {
      let finished = try ChildProcess.run(
        .edge,
        ["---completion", command, "--", "positional@0", "2", "\(prefix.count)", "edge-trainer", command, prefix],
        in: directory, environment: ["SAP_SHELL": "bash", "SAP_SHELL_VERSION": "5.2"])
      #expect(finished.end == .exited(0), "\(finished.errors)")
      return finished.outputLines.map(String.init)
    }
    // A name that has to be quoted is not offered, but its number.
    #expect(try offered("resume", "") == ["20261123-081502-3f9a1c", "20261123-081502-3f9a1d", "runs/"])
    #expect(try offered("resume", "m").isEmpty)
    #expect(try offered("resume", "2026") == ["20261123-081502-3f9a1c", "20261123-081502-3f9a1d"])
    #expect(try offered("compare", "20261123-081502-3f9a1e") == ["20261123-081502-3f9a1e"])
    #expect(try offered("compare", "runs/20261123-081502-3f9a1d/") == ["runs/20261123-081502-3f9a1d/edge/"])
    #expect(try offered("resume", "no").isEmpty)
    // What a shell would expand, or cut in two.
    for name in ["$(touch x)", "`touch x`", "it's", "a\"b", "a b", "a\nb", "a\u{1b}[1m", "a:b", ".hidden", "plain"] {
      _ = try directory.subdirectory("more/\(name)")
    }
    #expect(try offered("resume", "more/") == ["more/plain/"])
    #expect(try offered("resume", "more/.h") == ["more/.hidden/"])
  }

  @Test(arguments: TestedProgram.allCases)
  func everyShellHasAScript(program: TestedProgram) throws {
    for shell in ["bash", "zsh", "fish"] {
      let finished = try ChildProcess.run(program, ["--generate-completion-script", shell], in: TemporaryDirectory())
      #expect(finished.end == .exited(0))
      #expect(finished.output.contains(program.rawValue))
    }
  }
}
