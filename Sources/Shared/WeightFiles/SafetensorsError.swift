import Platform

/// Why a safetensors file could not be read.
package enum SafetensorsError: Error, Equatable, CustomStringConvertible {
  /// A system call failed.
  case cannotRead(path: String, operation: String, errorNumber: Int32)
  /// The file has another length, in bytes, than its header says.
  case wrongLength(path: String, expected: Int, actual: Int)
  /// The file is something else.
  case otherFormat(path: String, format: String)
  /// The header is not what the format asks for.
  case invalidHeader(path: String, reason: String)
  /// There is no tensor of this name.
  case missingTensor(path: String, name: String)
  /// A tensor has another element type or shape than asked for.
  case wrongTensor(path: String, name: String, expected: String, actual: String)
  /// The bytes are not those that were written.
  case wrongChecksum(path: String, expected: Int64, actual: Int64)

  package var description: String {
    switch self {
    case .cannotRead(let path, let operation, let errorNumber):
      "cannot read weights: \(operation) \(path): \(SystemError.text(of: errorNumber))"
        + (errorNumber == ENOENT ? "; a run leaves them in its --run-dir when its first epoch is complete" : "")
    case .wrongLength(let path, _, 0): "\(path): the file is empty"
    case .wrongLength(let path, let expected, let actual):
      "\(path): expected \(expected) bytes, found \(actual); the file is damaged or incomplete"
    case .otherFormat(let path, let format):
      "\(path): \(format), expected a safetensors file: what a run leaves in its --run-dir, or what "
        + "scripts/export-pytorch.py --to-ours makes of weights of PyTorch"
    case .invalidHeader(let path, let reason): "\(path): not a safetensors file that this program reads: \(reason)"
    case .missingTensor(let path, let name):
      "\(path): there is no tensor \(name); were the weights written with another configuration?"
    case .wrongTensor(let path, let name, let expected, let actual):
      "\(path): tensor \(name): expected \(expected), found \(actual); "
        + "were the weights written with another configuration?"
    case .wrongChecksum(let path, let expected, let actual):
      "\(path): expected the checksum \(expected), found \(actual); the file is damaged"
    }
  }
}
