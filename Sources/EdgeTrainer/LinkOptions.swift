import ArgumentParser
import HierarchicalTraining
import Transport

extension ScaleGranularity: ExpressibleByArgument {}
extension ActivationCompression: ExpressibleByArgument {}

/// Where the cloud is and what travels to it.
struct LinkOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Address of cloud-trainer.", valueName: "host:port"))
  var cloud = "127.0.0.1:7070"

  @OptionGroup var bits: BitsOption

  @Option(help: ArgumentHelp("Values that share a quantization scale.", valueName: "which"))
  var scale = ScaleGranularity.tensor

  @Option(help: ArgumentHelp("Entropy coding of the quantized features.", valueName: "how"))
  var compression = ActivationCompression.none

  @Option(help: ArgumentHelp("Batches that may be on their way without acknowledgement.", valueName: "n"))
  var window = 4

  /// - Throws: `ValidationError`.
  func endpoint() throws -> Endpoint {
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
    try ActivationFormat(bits: bits.bits, scale: scale, compression: compression)
  }
}
