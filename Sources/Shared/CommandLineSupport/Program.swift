import ArgumentParser
import Compute
import HierarchicalTraining
import Logging

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What both programs do around their work.
package enum Program {
  /// Sets up logging and Ctrl-C, runs `body`, and turns an error into one line and an exit code.
  ///
  /// - Throws: `ExitCode` to end with, after the line was printed.
  package static func run(_ name: String, _ body: (Interruption, Logger) throws -> Void) throws {
    StandardErrorLogHandler.bootstrap()
    let logger = Logger(label: name)
    let interruption = Interruption()
    interruption.installSignalHandlers()
    logger.info("\(name) \(Software.version), \(buildMode), OpenBLAS kernels \(GEMM.kernelName)")
    do {
      try body(interruption, logger)
    } catch {
      // A wait that the interruption cut short may have thrown something else.
      let error = interruption.isRequested ? InterruptedError() : error
      Console.standardError.printLine("\(name): \(error)")
      throw ExitCode(RunExit(error).rawValue)
    }
  }

  /// Prints a result on standard output at once.
  package static func printLine(_ line: String) {
    print(line)
    fflush(nil)
  }

  private static var buildMode: String {
    #if DEBUG
      "DEBUG BUILD: slow, do not measure"
    #else
      "release build"
    #endif
  }
}
