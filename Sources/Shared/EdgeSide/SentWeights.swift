import Platform
import RunFiles
import Training
import Transport
import WeightFiles

/// What the cloud's part of a run begins with, in a file in the run's directory: a cloud that has nothing of the run is
/// sent it before it welcomes the edge, as often as that happens.
package struct SentWeights: Sendable {
  /// Another run that was started in the same directory has another one.
  private static func file(of run: RunIdentifier) -> String { "initial-weights-\(run).safetensors" }

  let path: String
  let offer: WeightsOffer

  /// Takes the file that there is.
  ///
  /// - Throws: `SafetensorsError`.
  init?(of run: RunIdentifier, in directory: RunDirectory) throws {
    let path = directory.path(of: Self.file(of: run))
    if access(path, F_OK) != 0, errno == ENOENT { return nil }
    try self.init(path: path)
  }

  /// Writes the file.
  ///
  /// - Throws: as `InitialWeights.write`.
  init(
    _ weights: InitialWeights, _ configuration: RunConfiguration, of run: RunIdentifier, in directory: RunDirectory
  ) throws {
    let path = directory.path(of: Self.file(of: run))
    try weights.write(partOf: .cloud, configuration, to: path, operations: directory.operations)
    try self.init(path: path)
  }

  private init(path: String) throws {
    self.path = path
    let file = try SafetensorsReader(path: path)
    offer = WeightsOffer(bytes: file.byteCount, digest: try InitialWeights([file]).digest)
  }

  /// Sends the file.
  ///
  /// - Throws: `SafetensorsError`, `WireError`, `ConnectionError`, `SystemError`.
  func send(over connection: FramedConnection) throws {
    var sequence: UInt64 = 0
    try SafetensorsReader(path: path).readBytes { bytes in
      for start in stride(from: 0, to: bytes.count, by: WeightsPart.maximumBytes) {
        sequence += 1
        let part = bytes[start..<min(start + WeightsPart.maximumBytes, bytes.count)]
        try connection.send(.weights(WeightsPart(sequence: sequence, bytes: Array(part))))
      }
    }
  }

  /// Checks that a cloud that begins a run has taken them.
  ///
  /// - Throws: `WireError`.
  func check(_ welcome: Welcome) throws(WireError) {
    guard welcome.resume == nil, welcome.initialWeights != offer.digest else { return }
    throw .payload(
      type: .welcome, field: "initial_weights", expected: "\(offer.digest), which were sent",
      actual: welcome.initialWeights ?? "none")
  }

  /// Removes the file when nobody needs it any more.
  func remove() { _ = FileOperations.live.unlink(path) }
}
