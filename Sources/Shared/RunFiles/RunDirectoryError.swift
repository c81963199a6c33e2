import Platform

/// Why a run's directory cannot be used.
package enum RunDirectoryError: Error, Equatable, CustomStringConvertible {
  /// The directory already holds `file` of an earlier run, which is never overwritten.
  case holdsEarlierRun(path: String, file: String)
  /// The directory, or its first file, could not be created.
  case cannotCreate(path: String, operation: String, errorNumber: Int32)
  /// A run that has begun cannot go on in its directory.
  case cannotWrite(path: String, operation: String, errorNumber: Int32)
  /// Another process is at work on the run.
  case inUse(path: String)
  /// There is nothing left to do in it.
  case complete(path: String)
  /// What a run leaves in its directory is not there, or is shorter than it was.
  case incomplete(path: String, expected: String, actual: String)
  /// A record came after the log was finished.
  case finished(path: String)

  package var description: String {
    switch self {
    case .holdsEarlierRun, .cannotCreate: "\(problem); choose another --run-dir"
    case .cannotWrite: "\(problem); the directory and its files must be writable"
    case .inUse, .complete, .incomplete, .finished: problem
    }
  }

  /// What is wrong, without the way out.
  package var problem: String {
    switch self {
    case .holdsEarlierRun(let path, let file): "\(path) holds an earlier run (\(file))"
    case .cannotCreate(let path, let operation, let errorNumber):
      "cannot create the run directory: \(operation) \(path): \(SystemError.text(of: errorNumber))"
    case .cannotWrite(let path, let operation, let errorNumber):
      "the run cannot go on in its directory: \(operation) \(path): \(SystemError.text(of: errorNumber))"
    case .inUse(let path): "\(path): another process is at work on this run; wait for it, or end it"
    case .complete(let path): "\(path): the run is complete, there is nothing to resume"
    case .incomplete(let path, let expected, let actual):
      "\(path): expected \(expected), found \(actual); the run cannot be resumed, start it anew"
    case .finished(let path): "\(path): the log is finished, no record can follow"
    }
  }
}
