#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Why a run's files could not be created or written.
package enum RunDirectoryError: Error, Equatable, CustomStringConvertible {
  /// The directory already holds `file` of an earlier run, which is never overwritten.
  case holdsEarlierRun(path: String, file: String)
  /// The directory, or its first file, could not be created.
  case cannotCreate(path: String, operation: String, errorNumber: Int32)
  /// A file of the run could not be written completely. What was there before is unharmed.
  case cannotWrite(path: String, operation: String, errorNumber: Int32)
  /// A record came after the log was finished.
  case finished(path: String)

  package var description: String {
    switch self {
    case .holdsEarlierRun, .cannotCreate: "\(problem); choose another --run-dir"
    case .cannotWrite(_, _, ENOSPC), .cannotWrite(_, _, EDQUOT):
      "\(problem); free space there, or write elsewhere"
    case .cannotWrite, .finished: problem
    }
  }

  /// What is wrong, without the way out.
  package var problem: String {
    switch self {
    case .holdsEarlierRun(let path, let file): "\(path) holds an earlier run (\(file))"
    case .cannotCreate(let path, let operation, let errorNumber):
      "cannot create the run directory: \(operation) \(path): \(errorText(errorNumber))"
    case .cannotWrite(let path, let operation, let errorNumber):
      "cannot write \(path): \(operation == "write" ? "" : operation + ": ")\(errorText(errorNumber))"
    case .finished(let path): "\(path): the log is finished, no record can follow"
    }
  }

  /// The exit code of a program that ends because of this error.
  package var exit: RunExit {
    switch self {
    case .holdsEarlierRun, .cannotCreate: .cannotCreateRun
    case .cannotWrite, .finished: .cannotWriteRun
    }
  }
}
