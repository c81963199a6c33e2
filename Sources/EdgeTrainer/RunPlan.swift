import CommandLineSupport
import Compute
import NeuralNetwork
import Terminal
import Training
import Transport

/// What a run will do, for the log at its start: the three parts of the network and what a batch costs on the wire.
struct RunPlan {
  private let configuration: RunConfiguration

  init(_ configuration: RunConfiguration) { self.configuration = configuration }

  /// - Throws: `ShapeError` if the configuration makes no network.
  func lines() throws -> [String] {
    let split = try SplitNetwork(configuration.network)
    let strategy = configuration.strategy
    let parts =
      switch strategy {
      case .hierarchical: try NetworkPart.all(of: split)
      case .split: try NetworkPart.all(of: split).filter { $0.name != "exit" }
      case .edgeOnly: [try NetworkPart.whole(split, place: "edge")]
      case .cloudStream, .cloudUploadOnce: [try NetworkPart.whole(split, place: "cloud")]
      }
    return [title] + parts.map(line) + traffic(split.cutShape)
  }

  private var title: String {
    let network = configuration.network
    var items = [network.architecture.rawValue]
    if configuration.strategy.isCut {
      items.append("cut after block \(network.cut) of \(network.architecture.blockCount)")
    } else {
      items.append("uncut")
    }
    if configuration.strategy.hasExit { items.append("exit head \(network.exitHead.rawValue)") }
    if let bottleneck = network.bottleneck { items.append("bottleneck \(bottleneck)") }
    return (items + ["seed \(configuration.seed)"]).joined(separator: ", ")
  }

  private func line(_ part: NetworkPart) -> String {
    let parameters = Self.padded(Quantity.rendered(part.parameters))
    let arithmetic = Self.padded(Quantity.rendered(part.multiplyAccumulates))
    let place = "\(part.name) (\(part.place)):"
    return
      "\(place)\(String(repeating: " ", count: max(1, 14 - place.count)))\(parameters) parameters, \(arithmetic) MACs an image, \(part.shapes)"
  }

  /// What goes over the link.
  private func traffic(_ shape: FeatureShape) -> [String] {
    switch configuration.strategy {
    case .hierarchical, .split: [batch(shape)]
    case .cloudStream: [images("a batch of", min(configuration.batchSize, configuration.trainImages), "")]
    case .cloudUploadOnce:
      [images("once", configuration.trainImages + configuration.testImages, "; nothing in the epochs")]
    case .edgeOnly: []
    }
  }

  private func images(_ before: String, _ count: Int, _ after: String) -> String {
    let bytes = count * (1 + configuration.task.imageBytes)
    return "\(before) \(count) \(count == 1 ? "image" : "images"): \(bytes) bytes with labels\(after)"
  }

  private func batch(_ shape: FeatureShape) -> String {
    let count = min(configuration.batchSize, configuration.trainImages)
    let format = configuration.activations
    let features = ActivationShape(
      count: count, height: shape.height, width: shape.width, channels: shape.channels)
    let bytes = EncodedBatch.frameByteCount(labels: count, content: format.encodedByteCount(shape: features))
    let raw = count * configuration.task.imageBytes
    let compression = format.compression == .none ? "" : " before \(format.compression.rawValue)"
    let gradients = ActivationFormat.exact.encodedByteCount(shape: features)
    let back = configuration.strategy == .split ? "; gradients back: \(gradients)" : ""
    return """
      a batch of \(count) \(count == 1 ? "image" : "images"): \(bytes) bytes on the wire\(compression) \
      (\(format.bits)-bit features\(Self.clipping(format.fullScale))), raw \(raw): \(Self.percent(bytes, of: raw))\(back)
      """
  }

  /// ", full scale 0.35": that the largest values are clipped, and where.
  static func clipping(_ fullScale: Double) -> String {
    fullScale < 1 ? ", full scale \(fullScale)" : ""
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

  /// All layers but the exit.
  static func whole(_ split: SplitNetwork, place: String) throws -> NetworkPart {
    try NetworkPart(
      "network", place, Sequential(split.front.layers + split.rest.layers),
      input: split.configuration.input)
  }

  /// Front, exit and rest.
  static func all(of split: SplitNetwork) throws -> [NetworkPart] {
    [
      try NetworkPart("front", "edge", split.front, input: split.configuration.input),
      try NetworkPart("exit", "edge", split.exit, input: split.cutShape),
      try NetworkPart("rest", "cloud", split.rest, input: split.cutShape),
    ]
  }
}
