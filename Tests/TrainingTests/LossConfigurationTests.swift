import Foundation
import TestSupport
import Testing

@testable import Datasets
@testable import NeuralNetwork
@testable import Training

/// What a run's images are drawn by, and what its losses are.
@Suite struct LossConfigurationTests {
  private func configuration(_ strategy: Strategy = .hierarchical) -> RunConfiguration {
    var configuration = RunConfiguration(
      task: .cifar10, network: SplitNetwork.Configuration(architecture: .vgg8, cut: 2, exitHead: .pool),
      activations: .exact, data: "cifar10", trainImages: 50_000, testImages: 10_000)
    configuration.strategy = strategy
    return configuration.canonical()
  }

  private func json(_ configuration: RunConfiguration) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    return String(decoding: try encoder.encode(configuration), as: UTF8.self)
  }

  private func decoded(_ json: String) throws -> RunConfiguration {
    try JSONDecoder().decode(RunConfiguration.self, from: Data(json.utf8))
  }

  @Test(arguments: Strategy.allCases) func balance(strategy: Strategy) throws {
    var configuration = configuration(strategy)
    #expect(try !json(configuration).contains("balance"))
    configuration.balancesClasses = true
    #expect(try json(configuration).contains(#""architecture":"vgg8","balance":true,"batch_size""#))
    #expect(try decoded(json(configuration)) == configuration)
  }

  /// The cloud trains on the final loss: it must be told, to the last bit.
  @Test(arguments: Strategy.allCases) func labelSmoothing(strategy: Strategy) throws {
    var configuration = configuration(strategy)
    #expect(try !json(configuration).contains("smoothing"))
    for smoothing in [0.1, 1.0 / 3] {
      configuration.labelSmoothing = smoothing
      #expect(try json(configuration).contains(#""label_smoothing":\#(smoothing),"learning_rate""#))
      #expect(try decoded(json(configuration)) == configuration)
    }
  }

  @Test func labelSmoothingIsLessThanOne() throws {
    var configuration = configuration()
    for smoothing in [0, 0.999] {
      configuration.labelSmoothing = smoothing
      try configuration.validate()
    }
    for smoothing in [-0.001, 1, 2, .nan, .infinity] {
      configuration.labelSmoothing = smoothing
      #expect(throws: ConfigurationError("label smoothing \(smoothing) is out of range: 0 to less than 1")) {
        try configuration.validate()
      }
    }
  }
}
