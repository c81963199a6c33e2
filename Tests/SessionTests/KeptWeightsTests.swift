import TestSupport
import Testing

@testable import Platform
@testable import RunFiles
@testable import Training

/// Which weights are left beside those of the last epoch.
@Suite(.serialized) struct KeptWeightsTests {
  private func configuration(_ kept: KeptWeights) throws -> RunConfiguration {
    var configuration = try quickConfiguration()
    configuration.epochs = 3
    configuration.keptWeights = kept
    return configuration
  }

  private func weights(_ folder: SessionFolder, _ run: String) throws -> [String] {
    try names(in: "\(folder.path)/\(run)").filter { $0.hasSuffix(".safetensors") }
  }

  @Test func everyEpoch() throws {
    let folder = try SessionFolder()
    _ = try runBoth(configuration(.every), folder)
    for (run, role) in [("edge", Role.edge), ("cloud/edge", .cloud)] {
      let name = role.rawValue
      #expect(
        try weights(folder, run) == (1...3).map { "\(name)-epoch-\($0).safetensors" } + ["\(name).safetensors"])
      #expect(try folder.bytes("\(run)/\(name).safetensors") == folder.bytes("\(run)/\(name)-epoch-3.safetensors"))
      for epoch in 1...3 {
        let path = "\(folder.path)/\(run)/\(name)-epoch-\(epoch).safetensors"
        #expect(try WeightsFile.Reader(path: path, role: role).metadata.epoch == epoch)
      }
    }
  }

  /// Both sides keep the same epoch: the first of those with the highest accuracy.
  @Test func bestEpoch() throws {
    let folder = try SessionFolder()
    _ = try runBoth(configuration(.best), folder)
    let accuracies = try folder.metrics("edge").epochs.map { try #require($0.finalAccuracy) }
    let best = try #require(accuracies.firstIndex(of: accuracies.max() ?? 0)) + 1
    for (run, role) in [("edge", Role.edge), ("cloud/edge", .cloud)] {
      #expect(try weights(folder, run) == ["\(role.rawValue)-best.safetensors", "\(role.rawValue).safetensors"])
      let path = "\(folder.path)/\(run)/\(role.rawValue)-best.safetensors"
      #expect(try WeightsFile.Reader(path: path, role: role).metadata.epoch == best)
    }
  }

  @Test func lastEpoch() throws {
    let folder = try SessionFolder()
    _ = try runBoth(configuration(.last), folder)
    #expect(try weights(folder, "edge") == ["edge.safetensors"])
  }
}
