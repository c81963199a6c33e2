import Platform

/// Why a run's directory cannot be used.
package enum RunDirectoryError: Error, Equatable, CustomStringConvertible {
  /// The directory already holds `file` of an earlier run, which is never overwritten.
  case holdsEarlierRun(path: String, file: String)
  /// The directory, or its first file, could not be created.
  case cannotCreate(path: String, operation: String, errorNumber: Int32)
  /// A record came after the log was finished.
  case finished(path: String)

  package var description: String {
    switch self {
    case .holdsEarlierRun, .cannotCreate: "\(problem); choose another --run-dir"
    case .finished: problem
    }
  }

  /// What is wrong, without the way out.
  package var problem: String {
    switch self {
    case .holdsEarlierRun(let path, let file): "\(path) holds an earlier run (\(file))"
    case .cannotCreate(let path, let operation, let errorNumber):
      "cannot create the run directory: \(operation) \(path): \(SystemError.text(of: errorNumber))"
    case .finished(let path): "\(path): the log is finished, no record can follow"
    }
  }
}
