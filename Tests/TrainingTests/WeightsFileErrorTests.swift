import TestSupport
import Testing

@testable import NeuralNetwork
@testable import Platform
@testable import Training
@testable import WeightFiles

@Suite struct WeightsFileErrorTests {
  @Test func errorsAreOneLineAndEndTheProgramAsDataErrors() {
    let errors: [any Error] = [
      WeightsFileError.metadata(path: "p", field: "role", expected: "edge", actual: "a\nb"),
      WeightsFileError.noMetadata(path: "p", fields: ["role", "configuration", "epoch", "step"]),
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

  @Test(arguments: [[:], ["format": "pt"]])
  func metadataThatAToolHasDroppedAreNamed(metadata: [String: String]) throws {
    try withTemporaryDirectory { base in
      let path = base + "/edge"
      try SafetensorsWriter.write([.scalar(name: "x", 1)], metadata: metadata, to: path)
      let error = WeightsFileError.noMetadata(path: path, fields: ["role", "configuration", "epoch", "step"])
      #expect(throws: error) { try WeightsFile.Reader(path: path, role: .edge) }
      #expect("\(error)".contains("no __metadata__ with role, configuration, epoch, step: a tool"))
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
