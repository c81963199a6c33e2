import ArgumentParser
import HierarchicalTraining

extension Strategy: ExpressibleByArgument {}

/// How the work is divided, and which of the other options that leaves without a meaning.
struct StrategyOption: ParsableArguments {
  @Option(help: ArgumentHelp("How the work is divided; see above.", valueName: "name"))
  var strategy = Strategy.hierarchical

  static let help = """
    STRATEGIES:
      hierarchical       front and early exit here, the rest in the cloud, both at
                         once: labels and quantized features go up, nothing comes
                         back
      split              front here, the rest in the cloud: features go up, float32
                         gradients come back, one batch at a time
      cloud-stream       the whole network in the cloud; all images go up in every
                         epoch
      cloud-upload-once  the whole network in the cloud; all images go up once
      edge-only          the whole network here; there is no cloud

    What means nothing for a strategy is ignored, with a line in the log:
    --exit-head with all but hierarchical; --window with split and edge-only;
    --cut, --bottleneck, --bits, --scale, --full-scale and --compression where the
    network is not cut, --scale and --full-scale with 16 and 32 bits, too; --cloud,
    --link-rate and --link-delay with edge-only.
    """

  /// The given options that mean nothing for the strategy.
  func unused(_ link: LinkOptions, _ bits: BitsOption, _ network: NetworkOptions, _ cut: CutOption)
    -> [String]
  {
    let all = [
      ("--cloud", link.cloud != nil, strategy.needsCloud),
      ("--link-rate", link.linkRate != nil, strategy.needsCloud),
      ("--link-delay", link.linkDelay != nil, strategy.needsCloud),
      ("--window", link.window != nil, strategy.hasWindow),
      ("--exit-head", network.exitHead != nil, strategy.hasExit),
      ("--cut", cut.cut != nil, strategy.isCut),
      ("--bottleneck", network.bottleneck != nil, strategy.isCut),
      ("--bits", bits.bits != nil, strategy.isCut),
      ("--scale", link.scale != nil, strategy.isCut),
      ("--full-scale", link.fullScale != nil, strategy.isCut),
      ("--compression", link.compression != nil, strategy.isCut),
    ]
    return all.compactMap { option, isGiven, hasMeaning in isGiven && !hasMeaning ? option : nil }
  }
}
