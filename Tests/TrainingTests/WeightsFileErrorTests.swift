import Testing

@testable import NeuralNetwork
@testable import Platform
@testable import Training
@testable import WeightFiles

@Suite struct WeightsFileErrorTests {
  @Test func errorsAreOneLineAndEndTheProgramAsDataErrors() {
    let errors: [any Error] = [
      WeightsFileError.metadata(path: "p", field: "role", expected: "edge", actual: "a\nb"),
      WeightsFileError.otherConfiguration(path: "p", setting: "cut", expected: "1", actual: "\u{1b}[2J"),
      WeightsFileError.unexpectedTensor(path: "p", name: String(repeating: "x\n", count: 1000)),
      WeightsFileError.value(path: "p", tensor: "t", expected: "finite numbers", actual: "nan"),
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

extension WeightsFile {
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
