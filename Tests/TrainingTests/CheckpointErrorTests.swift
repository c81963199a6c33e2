import Testing

@testable import NeuralNetwork
@testable import Platform
@testable import Training
@testable import WeightFiles

@Suite struct CheckpointErrorTests {
  @Test func errorsAreOneLineAndEndTheProgramAsDataErrors() {
    let errors: [any Error] = [
      CheckpointError.metadata(path: "p", field: "role", expected: "edge", actual: "a\nb"),
      CheckpointError.otherConfiguration(path: "p", setting: "cut", expected: "1", actual: "\u{1b}[2J"),
      CheckpointError.unexpectedTensor(path: "p", name: String(repeating: "x\n", count: 1000)),
      CheckpointError.value(path: "p", tensor: "t", expected: "finite numbers", actual: "nan"),
      SafetensorsError.missingTensor(path: "p", name: "t"),
    ]
    for error in errors {
      #expect(ErrorKind(error) == .data)
      let text = "\(error)"
      #expect(text.hasPrefix("p: ") && text.count < 300)
      #expect(text.unicodeScalars.allSatisfy { $0.value >= 0x20 }, "\(text)")
    }
  }
}

extension Checkpoint {
  /// Reads back what `write` wrote.
  static func load(
    _ parts: [Sequential], _ configuration: RunConfiguration, role: Role, from path: String
  ) throws -> Metadata {
    let reader = try Reader(path: path, role: role)
    try reader.require(configuration)
    try reader.load(parts)
    return reader.metadata
  }
}
