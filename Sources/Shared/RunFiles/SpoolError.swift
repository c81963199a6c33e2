import Platform
import Transport

/// Why a spool cannot be opened, read or appended to, beyond what `FileError` says of files that cannot be written.
package enum SpoolError: Error, Equatable, CustomStringConvertible {
  /// A system call failed.
  case cannotRead(path: String, operation: String, errorNumber: Int32)
  /// What the file holds is not what was written to it, or a file is missing before it.
  case damaged(path: String, expected: String, actual: String)
  /// The segment was written by another run.
  case otherRun(path: String, expected: RunIdentifier, actual: RunIdentifier)
  /// The segment has another version of the format.
  case otherVersion(path: String, expected: UInt16, actual: UInt16)
  /// The spool's directory holds something that is no segment.
  case unexpectedFile(directory: String, name: String)
  /// There is no record of this number; those from `first` to before `next` are kept.
  case notKept(directory: String, number: UInt64, first: UInt64, next: UInt64)
  /// A further record would take the segment files, in bytes, beyond the limit.
  case full(directory: String, limit: Int, needed: Int)
  /// The payload of a record is too long, in bytes.
  case tooLong(directory: String, limit: Int, actual: Int)
  /// Records cannot have this number.
  case invalidNumber(directory: String, number: UInt64)
  /// The spool is closed.
  case closed(directory: String)

  package var description: String {
    switch self {
    case .cannotRead(let path, let operation, let errorNumber):
      "cannot read the spool: \(operation) \(path): \(SystemError.text(of: errorNumber))"
    case .damaged(let path, let expected, let actual): "\(path): expected \(expected), found \(actual)"
    case .otherRun(let path, let expected, let actual):
      "\(path): expected the spool of run \(expected), found \(actual)"
    case .otherVersion(let path, let expected, let actual):
      "\(path): expected version \(expected) of the spool's format, found \(actual)"
    case .unexpectedFile(let directory, let name):
      "\(directory): expected only segments of a spool, found \(name.debugDescription)"
    case .notKept(let directory, let number, let first, let next):
      "\(directory): record \(number) is not kept, "
        + (first == next ? "the spool is empty before \(next)" : "only \(first) to \(next - 1)")
    case .full(let directory, let limit, let needed):
      "\(directory): the spool is full, a record would make it \(needed) bytes long, the limit is \(limit)"
    case .tooLong(let directory, let limit, let actual):
      "\(directory): record of \(actual) bytes, the limit is \(limit)"
    case .invalidNumber(let directory, let number):
      "\(directory): record number \(number), expected 1 to \(SpoolFormat.maximumNumber)"
    case .closed(let directory): "\(directory): the spool is closed"
    }
  }
}
