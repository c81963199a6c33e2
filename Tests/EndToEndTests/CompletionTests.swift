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
    }

    struct Kind: Decodable {
      var file: Files?
      var directory: Empty?

      struct Files: Decodable { var extensions: [String] }
      struct Empty: Decodable {}
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

  @Test(arguments: TestedProgram.allCases)
  func everyShellHasAScript(program: TestedProgram) throws {
    for shell in ["bash", "zsh", "fish"] {
      let finished = try ChildProcess.run(program, ["--generate-completion-script", shell], in: TemporaryDirectory())
      #expect(finished.end == .exited(0))
      #expect(finished.output.contains(program.rawValue))
    }
  }
}
