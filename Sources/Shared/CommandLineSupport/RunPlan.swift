import Compute
import HierarchicalTraining
import NeuralNetwork
import Transport

/// What a run will do, for the log at its start: the three parts of the network and what a batch costs on the wire.
package struct RunPlan {
  /// Bytes of a raw 32×32 colour image.
  package static let rawImageBytes = 3072

  private let configuration: RunConfiguration

  package init(_ configuration: RunConfiguration) { self.configuration = configuration }

  /// - Throws: `ShapeError` if the configuration makes no network.
  package func lines() throws -> [String] {
    let split = try SplitNetwork(configuration.network)
    let network = configuration.network
    let bottleneck = network.bottleneck.map { ", bottleneck \($0)" } ?? ""
    let title = """
      \(network.architecture.rawValue), cut after block \(network.cut) of \(network.architecture.blockCount), \
      exit head \(network.exitHead.rawValue)\(bottleneck), seed \(configuration.seed)
      """
    let parts = try NetworkPart.all(of: split).map { part in
      let parameters = Self.padded(Quantity.rendered(part.parameters))
      let arithmetic = Self.padded(Quantity.rendered(part.multiplyAccumulates))
      let place = "\(part.name) (\(part.place)):"
      return "\(place)\(String(repeating: " ", count: max(0, 13 - place.count)))\(parameters) parameters, \(arithmetic) MACs an image, \(part.shapes)"
    }
    return [title] + parts + [batch(split.cutShape)]
  }

  private func batch(_ shape: FeatureShape) -> String {
    let count = min(configuration.batchSize, configuration.trainImages)
    let format = configuration.activations
    let encoded = format.encodedByteCount(
      shape: ActivationShape(count: count, height: shape.height, width: shape.width, channels: shape.channels))
    // Header, number of labels, labels, features.
    let bytes = FrameHeader.byteCount + 4 + count + encoded
    let raw = count * Self.rawImageBytes
    let compression = format.compression == .none ? "" : " before \(format.compression.rawValue)"
    return """
      a batch of \(count) \(count == 1 ? "image" : "images"): \(bytes) bytes on the wire\(compression) \
      (\(format.bits)-bit features), raw \(raw): \(Self.percent(bytes, of: raw))
      """
  }

  /// "66.7 %".
  static func percent(_ bytes: Int, of raw: Int) -> String {
    Formatting.fixed(Double(bytes) / Double(raw) * 100, decimals: 1) + " %"
  }

  private static func padded(_ text: String) -> String {
    String(repeating: " ", count: max(0, 6 - text.count)) + text
  }
}

/// The size of front, exit or rest.
struct NetworkPart {
  let name: String
  /// Where it is trained.
  let place: String
  let parameters: Int
  /// Of one image, forward.
  let multiplyAccumulates: Int
  /// "32x32x3 -> 8x8x64".
  let shapes: String

  private init(_ name: String, _ place: String, _ layers: Sequential, input: FeatureShape) throws {
    self.name = name
    self.place = place
    parameters = layers.parameters.reduce(0) { $0 + $1.count }
    multiplyAccumulates = try layers.multiplyAccumulates(for: input)
    shapes = "\(input) -> \(try layers.outputShape(for: input))"
  }

  /// Front, exit and rest.
  static func all(of split: SplitNetwork) throws -> [NetworkPart] {
    [
      try NetworkPart("front", "edge", split.front, input: Architecture.imageShape),
      try NetworkPart("exit", "edge", split.exit, input: split.cutShape),
      try NetworkPart("rest", "cloud", split.rest, input: split.cutShape),
    ]
  }
}
