import NeuralNetwork
import Platform
import RunFiles
import WeightFiles

/// A side's part of the network as a safetensors file that PyTorch users can load.
package enum WeightsFile {
  /// The edge's file: front and exit if there is one, or the whole network.
  package static let edgeFile = "edge.safetensors"
  /// The cloud's file: the rest, or the whole network.
  package static let cloudFile = "cloud.safetensors"

  /// Of a file's metadata: the configuration of the run, as JSON.
  static let configurationKey = "configuration"

  static func file(of role: Role) -> String { role == .edge ? edgeFile : cloudFile }

  /// Writes parameters and running statistics, atomically.
  ///
  /// - Parameters:
  ///   - parts: this side's layers, in the order of the network.
  ///   - configuration: of the run; goes into the file's metadata.
  ///   - role: this side.
  ///   - epoch: completed epochs.
  ///   - step: completed steps of the whole run.
  ///   - path: an existing file is replaced.
  ///   - operations: the system calls.
  /// - Throws: `RunDirectoryError`; the file of the epoch before is unharmed then.
  package static func write(
    _ parts: [Sequential], _ configuration: RunConfiguration, role: Role, epoch: Int, step: Int, to path: String,
    operations: FileOperations = .live
  ) throws {
    let json = try RunJSON.line(configuration)
    try SafetensorsWriter.write(
      parts.flatMap { $0.parameters + $0.statistics }.map { $0.tensor() },
      metadata: [
        "format": "pt", "role": role.rawValue, configurationKey: json, "epoch": "\(epoch)", "step": "\(step)",
      ],
      to: path, operations: operations)
  }
}
