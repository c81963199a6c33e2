import ArgumentParser
import CommandLineSupport
import Training

extension Strategy: ExpressibleByArgument {}

extension Strategy {
  /// The options of `train` that mean nothing for this strategy.
  var meaninglessOptions: [String] {
    var options: [String] = []
    if !needsCloud {
      options += [
        "--cloud", "--wait", "--reconnect-for", "--local", "--cloud-run-dir", "--cloud-log", "--link-rate",
        "--link-delay",
      ]
    }
    if !hasExit { options += ["--spool"] }
    if !hasWindow { options += ["--window"] }
    if !hasExit { options += ["--exit-head"] }
    if !isCut { options += ["--cut", "--bottleneck", "--bits", "--scale", "--full-scale", "--compression"] }
    return options
  }
}

/// How the work is divided, and which of the other options that leaves without a meaning.
struct StrategyOption: ParsableArguments {
  @Option(help: ArgumentHelp("How the work is divided; see above.", valueName: "name"))
  var strategy = Defaults.strategy

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
    --wait, --reconnect-for, --local, --cloud-run-dir, --cloud-log, --link-rate and
    --link-delay with edge-only; --spool with all but hierarchical.
    """

  /// The given options that mean nothing for the strategy.
  func unused(
    _ link: LinkOptions, _ bits: BitsOption, _ network: NetworkOptions, _ cut: CutOption,
    _ local: LocalOptions, _ durability: DurabilityOptions, _ spool: SpoolOption, waits: Bool
  ) -> [String] {
    let given = [
      "--checkpoint-interval": durability.givenInterval != nil,
      "--reconnect-for": durability.givenReconnect != nil,
      "--spool": spool.given != nil,
      "--cloud": link.cloud != nil,
      "--local": local.local,
      "--wait": waits,
      "--cloud-run-dir": local.cloudRunDir != nil,
      "--cloud-log": local.cloudLog != nil,
      "--link-rate": link.linkRate != nil,
      "--link-delay": link.linkDelay != nil,
      "--window": link.window != nil,
      "--exit-head": network.exitHead != nil,
      "--cut": cut.cut != nil,
      "--bottleneck": network.bottleneck != nil,
      "--bits": bits.bits != nil,
      "--scale": link.scale != nil,
      "--full-scale": link.fullScale != nil,
      "--compression": link.compression != nil,
    ]
    return strategy.meaninglessOptions.filter { given[$0] == true }
  }
}
