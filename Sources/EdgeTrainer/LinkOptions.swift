import ArgumentParser
import CommandLineSupport
import Logging
import Training
import Transport
import Trust

extension ScaleGranularity: ExpressibleByArgument {}
extension ActivationCompression: ExpressibleByArgument {}

/// Where the cloud is and what travels to it.
struct LinkOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("Address of cloud-trainer. (default: \(Self.defaultCloud))", valueName: "host:port"))
  var cloud: String?

  @Option(
    help: ArgumentHelp(
      "Values that share a quantization scale. (default: \(Defaults.scale.rawValue))", valueName: "which"))
  var scale: ScaleGranularity?

  @Option(
    help: ArgumentHelp(
      """
      Fraction of the largest value that the largest code stands for, 0.01 to 1; larger values are clipped. \
      (default: 1; with 2 bits 0.5, with 1 bit 0.35; by --scale channel 1 and 0.5)
      """, valueName: "x"))
  var fullScale: Double?

  @Option(
    help: ArgumentHelp(
      "Entropy coding of the features. (default: \(Defaults.compression.rawValue))", valueName: "how"))
  var compression: ActivationCompression?

  @Option(
    help: ArgumentHelp(
      "Batches that may be on their way without acknowledgement. (default: \(Defaults.window); split: 1)",
      valueName: "n"))
  var window: Int?

  @Option(
    help: ArgumentHelp(
      "Hold the link to a rate, in both directions: a number with bit, kbit, Mbit or Gbit (a second), or cat1 (0.13 Mbit), 3g (1.1), 4g (5.85) or wifi (18.88). (default: as fast as it goes)",
      valueName: "rate"), completion: .list(LinkShaping.presets.map(\.name)))
  var linkRate: String?

  @Option(
    help: ArgumentHelp(
      "Let everything arrive later, in both directions: a number with ms or s. (default: 0ms)",
      valueName: "time"))
  var linkDelay: String?

  private static let defaultCloud = "127.0.0.1:7070"

  /// - Throws: `ValidationError`.
  func endpoint() throws -> Endpoint {
    try Self.endpoint(parsing: cloud ?? Self.defaultCloud)
  }

  /// Where no cloud was named and the default has none, tells of those that were joined.
  func tellOfJoinedClouds(after error: any Error, _ trust: TrustOptions, _ logger: Logger) {
    guard cloud == nil, case ConnectionError.cannotConnect = error,
      let clouds = try? KnownKeys.clouds(trust.state.state).all(), !clouds.isEmpty
    else { return }
    let addresses = clouds.compactMap(\.address).joined(separator: ", ")
    logger.notice("no --cloud was given, so \(Self.defaultCloud) was tried; joined is \(addresses)")
  }

  /// The value of `--cloud` as an address.
  ///
  /// - Throws: `ValidationError`.
  static func endpoint(parsing cloud: String) throws -> Endpoint {
    let endpoint: Endpoint
    do { endpoint = try Endpoint(parsing: cloud) } catch { throw ValidationError("--cloud \(error)") }
    guard endpoint.port != 0 else {
      throw ValidationError(
        "--cloud \(cloud): port 0 is no port to connect to; take the one that cloud-trainer printed")
    }
    return endpoint
  }

  /// - Throws: `LinkShapingError`.
  func shaping() throws -> LinkShaping {
    LinkShaping(
      rate: try linkRate.map(LinkShaping.rate(parsing:)),
      delay: try linkDelay.map(LinkShaping.delay(parsing:)) ?? 0)
  }

  /// - Throws: `ValidationError` for bits or a full scale that there are not.
  func format(bits: Int) throws -> ActivationFormat {
    try BitsOption.format(
      bits: bits, scale: scale ?? Defaults.scale, compression: compression ?? Defaults.compression, fullScale: fullScale
    )
  }

  /// The given options that mean nothing for features as floating-point numbers.
  func unusedWithoutCodes() -> [String] {
    [("--scale", scale != nil), ("--full-scale", fullScale != nil)].compactMap { $1 ? $0 : nil }
  }
}
