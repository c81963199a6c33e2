import ArgumentParser
import Compute
import Logging
import Platform
import Synchronization
import Terminal
import Training

/// What both programs do around their work.
package enum Program {
  /// Parses the command line, runs the command and exits. Every error is one line on standard error that starts with
  /// the program's name; its exit code is a `RunExit`.
  ///
  /// - Parameter expanding: what the command's arguments stand for.
  package static func main<Command: ParsableCommand>(
    _ type: Command.Type, expanding: ([String]) throws -> [String] = { $0 }
  ) -> Never {
    openStandardDescriptors()
    // Whoever reads standard output may stop before its end.
    signal(SIGPIPE, SIG_IGN)
    do {
      let arguments = Array(CommandLine.arguments.dropFirst())
      try checkHelp(Command.self, arguments)
      var command = try Command.parseAsRoot(expanding(arguments))
      try command.run()
      try finishResults()
    } catch let error as ExitCode {
      end(error.rawValue)
    } catch {
      switch Command.exitCode(for: error) {
      case .success:  // Help or the version was asked for.
        do {
          try printLine(Command.fullMessage(for: error))
          try finishResults()
        } catch {
          complain(Command.self, "\(error)")
          end(RunExit(error).rawValue)
        }
      case .validationFailure:
        complain(Command.self, usageLine(for: error, Command.self))
        end(RunExit.usage.rawValue)
      default:
        complain(Command.self, "\(error)")
        end(RunExit(error).rawValue)
      }
    }
    end(RunExit.success.rawValue)
  }

  /// The parser answers `help` of what is no command with the help of the program.
  ///
  /// - Throws: `ValidationError`.
  private static func checkHelp(_ root: any ParsableCommand.Type, _ arguments: [String]) throws {
    guard arguments.first == "help" else { return }
    var command = root
    for name in arguments.dropFirst() where !name.hasPrefix("-") {
      guard let next = command.configuration.subcommands.first(where: { $0._commandName == name }) else {
        throw ValidationError("there is no command '\(name)' to help with")
      }
      command = next
    }
  }

  /// Seconds that are spent on writing when nothing waits for a reader any more, or something else has to be done.
  private static let writingSeconds = 1.0

  private static func end(_ code: Int32) -> Never {
    _ = try? OutputWriter.standardOutput.finish(within: writingSeconds)
    Console.standardError.finish(within: writingSeconds)
    // Not exit: OpenBLAS would wait there for its threads, and one that gets no memory asks for it for ever.
    _exit(code)
  }

  /// Sets up logging and Ctrl-C, runs `body`, and turns an error into one line and an exit code.
  ///
  /// - Parameters:
  ///   - role: which of the programs this is.
  ///   - compute: how the program will compute, for the first line of the log; nil if that is not known yet.
  ///   - computes: whether it will; if not, there is no such line.
  ///   - body: the work; it is given the user's wish to end and the program's log.
  /// - Throws: `ExitCode` to end with, after the line was printed.
  package static func run(
    _ role: Role, _ compute: ComputeSettings? = nil, computes: Bool = true,
    _ body: (Interruption, Logger) throws -> Void
  ) throws {
    let name = "\(role.rawValue)-trainer"
    StandardErrorLogHandler.bootstrap()
    let logger = Logger(label: name)
    let interruption = Interruption()
    try interruption.installSignalHandlers()
    // The next signal ends the program where it is.
    _ = interruption.add { Console.standardError.endStatus() }
    if computes { announce(name, compute, logger) }
    do {
      // What does not compute has nothing but its result.
      if !computes, hasNoOutput.load(ordering: .relaxed) {
        throw FileError(path: "standard output", operation: "write", errorNumber: EBADF)
      }
      try body(interruption, logger)
      try finishResults(interruption, logger)
    } catch let error as ValidationError {
      printError(name, "\(error)")
      throw ExitCode(RunExit.usage.rawValue)
    } catch {
      let error = error.orInterruption
      printError(name, role.text(of: error))
      throw ExitCode(RunExit(error).rawValue)
    }
  }

  private static func announce(_ name: String, _ compute: ComputeSettings?, _ logger: Logger) {
    let settings = compute.map {
      ", \($0.convolution.rawValue) convolutions, \($0.threads) \($0.threads == 1 ? "thread" : "threads")"
        + quotaNote(threads: $0.threads)
    }
    logger.info(
      "\(name) \(Software.version), \(buildMode), OpenBLAS kernels \(GEMM.kernelName)\(settings ?? "")")
    if let wish = BLASKernels.userChoice, wish.lowercased() != GEMM.kernelName.lowercased() {
      logger.warning("OPENBLAS_CORETYPE is \(wish), but OpenBLAS took the kernels \(GEMM.kernelName)")
    }
  }

  /// Prints a result on standard output, after what is on its way to standard error. That its reader has gone is no
  /// error; if there is one that does not read, the rest is written when it does, and waited for at the program's end.
  ///
  /// - Parameter text: with or without a line feed at its end.
  /// - Throws: `FileError`.
  package static func printLine(_ text: String) throws {
    Console.standardError.finish(within: writingSeconds)
    OutputWriter.standardOutput.write(text.hasSuffix("\n") ? text : text + "\n")
    try OutputWriter.standardOutput.finish(within: writingSeconds)
  }

  /// Waits until all results are written: for a reader that does not read, until the user asks to end.
  ///
  /// - Parameters:
  ///   - interruption: the user's wish; nil where signals end the program.
  ///   - logger: says what is waited for.
  /// - Throws: `FileError`, `InterruptedError`.
  private static func finishResults(_ interruption: Interruption? = nil, _ logger: Logger? = nil) throws {
    let output = OutputWriter.standardOutput
    if try output.finish(within: writingSeconds) { return }
    logger?.notice("nobody reads the results on standard output; waiting, until Ctrl-C")
    let number = interruption?.add { output.giveUp() }
    defer { if let number { interruption?.remove(number) } }
    guard try output.finish(within: nil) else { throw InterruptedError() }
  }

  /// Runs `body`, which checks options: what it throws becomes a `ValidationError`, so that it is reported as wrong
  /// usage.
  package static func checkingUsage<Result>(_ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as ValidationError { throw error } catch {
      throw ValidationError("\(error)")
    }
  }

  private static func complain<Command: ParsableCommand>(_ type: Command.Type, _ message: String) {
    printError(Command.configuration.commandName ?? Command._commandName, message)
  }

  private static func printError(_ name: String, _ message: String) {
    Console.standardError.printLine("\(name): \(Formatting.singleLine(message))")
  }

  /// "Unknown option '--foo'; see 'edge-trainer train --help'".
  private static func usageLine<Command: ParsableCommand>(for error: any Error, _ type: Command.Type)
    -> String
  {
    let words = Command.message(for: error).split(whereSeparator: \.isWhitespace)
    var line = words.joined(separator: " ")
    while line.last == "." { line.removeLast() }
    line += negativeValueHint(for: line, CommandLine.arguments)
    // The end of the parser's own text is: See 'edge-trainer train --help' for more information.
    let pieces = Command.fullMessage(for: error).split(separator: "\n").last?.split(separator: "'") ?? []
    return pieces.count == 3 ? "\(line); see '\(pieces[1])'" : line
  }

  /// The parser takes the value of `--bits -1` for an option.
  private static func negativeValueHint(for line: String, _ arguments: [String]) -> String {
    for (option, value) in zip(arguments, arguments.dropFirst())
    where line.hasPrefix("Missing value for '\(option) ") && value.hasPrefix("-")
      && value.dropFirst().first?.isNumber == true
    {
      return "; write \(option)=\(value) for a negative value"
    }
    return ""
  }

  /// Whether standard output was closed when the program began.
  private static let hasNoOutput = Atomic<Bool>(false)

  /// Puts `/dev/null` where standard input, output or error is closed; otherwise the next socket or file would get its
  /// number, and results would be written into it.
  private static func openStandardDescriptors() {
    hasNoOutput.store(fcntl(STDOUT_FILENO, F_GETFD) < 0, ordering: .relaxed)
    var descriptor: Int32
    repeat { descriptor = open("/dev/null", O_RDWR) } while (0...STDERR_FILENO).contains(descriptor)
    if descriptor >= 0 { close(descriptor) }
  }

  /// Why there are no more threads, if it is for the quota of a container.
  private static func quotaNote(threads: Int) -> String {
    guard threads == Processors.availableCount, let quota = Processors.limitingQuota else { return "" }
    return ", for a CPU quota of \(Formatting.fixed(quota, decimals: 2)) processors"
  }

  private static var buildMode: String {
    #if DEBUG
      "DEBUG BUILD: slow, do not measure"
    #else
      "release build"
    #endif
  }
}
