import Foundation
import TestSupport
import Testing

@testable import Datasets
@testable import NeuralNetwork
@testable import Training
@testable import Transport

/// What each strategy keeps of a configuration.
@Suite struct StrategyConfigurationTests {
  private func configuration(_ strategy: Strategy) throws -> RunConfiguration {
    var configuration = RunConfiguration(
      task: .cifar10,
      network: SplitNetwork.Configuration(architecture: .vgg16, cut: 3, exitHead: .deep, bottleneck: 12),
      activations: try ActivationFormat(bits: 4, scale: .channel, compression: .zstd), data: "cifar10",
      trainImages: 50_000, testImages: 10_000)
    configuration.strategy = strategy
    configuration.window = 7
    configuration.link = LinkShaping(rate: 1.1e6, delay: 0.05)
    return configuration
  }

  private func keys(_ configuration: RunConfiguration) throws -> Set<String> {
    let data = try JSONEncoder().encode(configuration)
    return Set(try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any]).keys)
  }

  @Test func keysOfEachStrategy() throws {
    let common: Set = [
      "strategy", "architecture", "epochs", "batch_size", "learning_rate", "momentum", "weight_decay",
      "schedule",
      "seed", "data", "train_images", "test_images",
    ]
    let cut: Set = ["cut", "bottleneck", "bits", "scale", "full_scale", "compression"]
    let link: Set = ["link_rate", "link_delay"]
    for (strategy, more) in [
      (Strategy.hierarchical, cut.union(link).union(["exit_head", "window"])), (.split, cut.union(link)),
      (.cloudStream, link.union(["window"])), (.cloudUploadOnce, link.union(["window"])), (.edgeOnly, []),
    ] { #expect(try keys(configuration(strategy)) == common.union(more), "\(strategy)") }
  }

  @Test(arguments: Strategy.allCases) func canonicalSurvivesTheWire(strategy: Strategy) throws {
    let canonical = try configuration(strategy).canonical()
    #expect(canonical.canonical() == canonical)
    let hello = try Hello(
      runID: "r", window: canonical.window, exchange: strategy.exchange, configuration: canonical)
    #expect(try hello.configuration(as: RunConfiguration.self) == canonical)
    try canonical.validate()
    // What has no meaning does not make two runs different.
    var other = try configuration(strategy)
    if !strategy.isCut { other.network.cut = 99 }
    if !strategy.isCut { other.network.bottleneck = -1 }
    if !strategy.hasExit { other.network.exitHead = .conv }
    if !strategy.hasWindow { other.window = 0 }
    if !strategy.needsCloud { other.link = LinkShaping(rate: 0, delay: -1) }
    #expect(other.canonical() == canonical)
  }

  @Test func hierarchicalIsCanonical() throws {
    let configuration = try configuration(.hierarchical)
    #expect(configuration.canonical() == configuration)
  }
}
