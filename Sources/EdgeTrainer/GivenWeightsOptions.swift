import ArgumentParser
import CommandLineSupport
import Logging
import Training

/// From which weights a run begins, and which of them are trained.
struct GivenWeightsOptions: ParsableArguments {
  @OptionGroup var initial: InitialWeightsOption

  @Flag(
    help: """
      Send the cloud what the files of --initial-weights hold of its part, before training, so that it needs no files. \
      (default: the cloud begins with what its own --initial-weights or the seed gives)
      """)
  var sendWeights = false

  @Flag(
    help: """
      Leave the front as it begins, with --initial-weights for example, and train the exit and the rest only. \
      Hierarchical only.
      """)
  var freezeFront = false

  /// - Parameter isLocal: whether the cloud is started here.
  /// - Throws: `ValidationError` if the files would be nobody's.
  func check(_ strategy: Strategy, isLocal: Bool) throws {
    if sendWeights {
      if initial.paths.isEmpty { throw ValidationError("--send-weights needs --initial-weights") }
      if !strategy.needsCloud { throw ValidationError("--send-weights: --strategy \(strategy.rawValue) has no cloud") }
      if isLocal {
        throw ValidationError("--send-weights does not go with --local: there, both sides read the files")
      }
    } else if !initial.paths.isEmpty, !strategy.trainsOnEdge, !isLocal {
      throw ValidationError(
        """
        --initial-weights: with --strategy \(strategy.rawValue) the network is in the cloud; add --send-weights, or give \
        the files to cloud-trainer --initial-weights, or take --local
        """)
    }
  }

  /// From what both sides begin.
  struct Opened {
    /// This side.
    var own: InitialWeights?
    /// The cloud, if it is told from here.
    var cloud: InitialWeights?
  }

  /// Opens the files. If the cloud begins with them, too, each side does with what they hold of its part, if they hold
  /// something of either.
  ///
  /// - Throws: `SafetensorsError`, `WeightsFileError`.
  func open(_ configuration: RunConfiguration, isLocal: Bool, _ logger: Logger) throws -> Opened {
    guard let weights = try initial.open() else { return Opened() }
    let strategy = configuration.strategy
    var opened = Opened()
    if sendWeights {
      try weights.requireMatch(configuration, role: .cloud)
      opened.cloud = weights
    } else if isLocal, strategy.needsCloud, try weights.match(configuration, role: .cloud) {
      opened.cloud = weights
    }
    if opened.cloud != nil, try !strategy.trainsOnEdge || !weights.match(configuration, role: .edge) {
      if strategy.trainsOnEdge {
        logger.notice(
          "\(initial.paths.joined(separator: ", ")): nothing of this side's part is in it: the seed makes that")
      }
      return opened
    }
    try weights.requireMatch(configuration, role: strategy.trainsOnEdge ? .edge : .cloud)
    opened.own = weights
    return opened
  }
}
