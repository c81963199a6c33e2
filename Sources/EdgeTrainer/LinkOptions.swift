import ArgumentParser
import HierarchicalTraining
import Transport

extension ScaleGranularity: ExpressibleByArgument {}
extension ActivationCompression: ExpressibleByArgument {}

/// Where the cloud is and what travels to it.
struct LinkOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("Address of cloud-trainer. (default: \(Self.defaultCloud))", valueName: "host:port"))
  var cloud: String?

  @OptionGroup var bits: BitsOption

  @Option(
    help: ArgumentHelp(
      "Values that share a quantization scale; tensor if not given.", valueName: "which"))
  var scale: ScaleGranularity?

  @Option(
    help: ArgumentHelp(
      "Entropy coding of the quantized features; none if not given.", valueName: "how"))
  var compression: ActivationCompression?

  @Option(
    help: ArgumentHelp(
      "Batches that may be on their way without acknowledgement. (default: 4; split: 1)", valueName: "n"))
  var window: Int?

  private static let defaultCloud = "127.0.0.1:7070"

  /// - Throws: `ValidationError`.
  func endpoint() throws -> Endpoint {
    let cloud = cloud ?? Self.defaultCloud
    let endpoint: Endpoint
    do { endpoint = try Endpoint(parsing: cloud) } catch { throw ValidationError("--cloud \(error)") }
    guard endpoint.port != 0 else {
      throw ValidationError(
        "--cloud \(cloud): port 0 is no port to connect to; take the one that cloud-trainer printed")
    }
    return endpoint
  }

  /// - Throws: `CodecError.unsupportedBits`.
  func format() throws -> ActivationFormat {
    try ActivationFormat(bits: bits.value, scale: scale ?? .tensor, compression: compression ?? .none)
  }
}
