/// A file could not be written completely.
package struct FileError: Error, Equatable, CustomStringConvertible {
  package let path: String
  /// What was tried, such as `"fsync"`.
  package let operation: String
  package let errorNumber: Int32

  package init(path: String, operation: String, errorNumber: Int32) {
    self.path = path
    self.operation = operation
    self.errorNumber = errorNumber
  }

  package var description: String {
    switch errorNumber {
    case ENOSPC, EDQUOT: "\(problem); free space there, or write elsewhere"
    case EROFS: "\(problem); make it writable, or write elsewhere"
    default: problem
    }
  }

  /// What is wrong, without the way out.
  package var problem: String {
    "cannot write \(path): \(operation == "write" ? "" : operation + ": ")\(SystemError.text(of: errorNumber))"
  }
}
