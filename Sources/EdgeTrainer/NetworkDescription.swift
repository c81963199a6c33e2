import CommandLineSupport
import Compute
import NeuralNetwork
import RunFiles
import Terminal
import Transport

/// What each cut of a network costs: what `edge-trainer describe` prints, as a table or, encoded by `RunJSON`, as JSON.
struct NetworkDescription: Encodable {
  /// One number for each part of the network.
  struct Parts: Encodable {
    let front: Int
    let exit: Int
    let rest: Int

    init(_ parts: [NetworkPart], _ number: (NetworkPart) -> Int) {
      (front, exit, rest) = (number(parts[0]), number(parts[1]), number(parts[2]))
    }

    var rendered: [String] { [front, exit, rest].map(Quantity.rendered) }
  }

  struct Cut: Encodable {
    let cut: Int
    let features: FeatureShape
    let values: Int
    /// Of one image's packed features.
    let bytes: Int
    let parameters: Parts
    /// Of one image, forward.
    let multiplyAccumulates: Parts

    init(_ split: SplitNetwork, _ format: ActivationFormat) throws {
      let parts = try NetworkPart.all(of: split)
      cut = split.configuration.cut
      features = split.cutShape
      values = features.values
      bytes = format.payloadBytesPerImage(values: values)
      parameters = Parts(parts, \.parameters)
      multiplyAccumulates = Parts(parts, \.multiplyAccumulates)
    }
  }

  struct ImpossibleCut: Encodable {
    let cut: Int
    let reason: String
  }

  struct Convolution: Encodable {
    let place: String
    let convolution: String
    let features: FeatureShape
    let method: String
  }

  let architecture: String
  let exitHead: String
  @NullIfMissing var bottleneck: Int?
  let bits: Int
  let fullScale: Double
  /// Of one raw image.
  let rawBytes: Int
  let cuts: [Cut]
  let impossibleCuts: [ImpossibleCut]
  /// Nil if they were not asked for.
  let convolutions: [Convolution]?

  /// - Parameters:
  ///   - network: its cut does not matter.
  ///   - format: of the features on the wire.
  ///   - convolution: describe all convolutions, too, and how each is computed if this is asked for.
  /// - Throws: `ShapeError` if no cut makes a network.
  init(
    network: SplitNetwork.Configuration, format: ActivationFormat, convolution: ConvolutionMethod? = nil
  ) throws {
    architecture = network.architecture.rawValue
    exitHead = network.exitHead.rawValue
    rawBytes = network.input.values
    bits = format.bits
    fullScale = format.fullScale
    var (cuts, errors): ([Cut], [(cut: Int, error: ShapeError)]) = ([], [])
    for cut in 1...network.architecture.blockCount {
      var configuration = network
      configuration.cut = cut
      do { cuts.append(try Cut(SplitNetwork(configuration), format)) } catch let error as ShapeError {
        errors.append((cut, error))
      }
    }
    if cuts.isEmpty { throw errors[0].error }
    self.cuts = cuts
    impossibleCuts = errors.map { ImpossibleCut(cut: $0.cut, reason: "\($0.error)") }
    convolutions = try convolution.map { try Self.convolutions(of: network, $0) }
    bottleneck = network.bottleneck
  }

  /// The convolutions of each block, and of the exit at each cut.
  private static func convolutions(
    of network: SplitNetwork.Configuration, _ preferred: ConvolutionMethod
  ) throws -> [Convolution] {
    var list: [Convolution] = []
    func append(_ place: String, _ layers: Sequential, _ input: FeatureShape, after skipped: Int = 0) throws {
      for (layer, shape) in try layers.convolutions(for: input).dropFirst(skipped) {
        let method = try layer.method(for: shape, preferred: preferred)
        list.append(
          Convolution(
            place: place, convolution: layer.description, features: shape, method: method.rawValue))
      }
    }
    var configuration = network
    configuration.bottleneck = nil
    for cut in 1...network.architecture.blockCount {
      configuration.cut = cut
      configuration.exitHead = .pool
      try append(
        "block \(cut)", SplitNetwork(configuration).front, network.input, after: list.count)
    }
    configuration = network
    for cut in 1...network.architecture.blockCount {
      configuration.cut = cut
      guard let split = try? SplitNetwork(configuration) else { continue }
      try append("exit, cut \(cut)", split.exit, split.cutShape)
    }
    return list
  }

  /// The table.
  func rendered() -> String {
    let quantities: [TextTable.Column] = ["params:", "MACs:"].flatMap {
      [.init("\($0) front", .right), .init("exit", .right), .init("rest", .right)]
    }
    var table = TextTable(
      [
        .init("cut", .right), .init("features"), .init("values", .right), .init("bytes", .right),
        .init("of raw", .right),
      ] + quantities)
    for cut in cuts {
      table.append(
        [
          "\(cut.cut)", "\(cut.features)", "\(cut.values)", "\(cut.bytes)",
          RunPlan.percent(cut.bytes, of: rawBytes),
        ] + cut.parameters.rendered + cut.multiplyAccumulates.rendered)
    }
    let bottleneck = bottleneck.map { ", bottleneck of \($0) channels" } ?? ""
    let title = """
      \(architecture), exit head \(exitHead)\(bottleneck); per image, \
      \(bits) \(bits == 1 ? "bit" : "bits") a value\(RunPlan.clipping(fullScale)), raw \(rawBytes) bytes

      """
    return title + table.rendered() + impossibleCuts.map { "cut \($0.cut): \($0.reason)\n" }.joined()
      + (convolutions.map { "\n" + rendered($0) } ?? "")
  }

  private func rendered(_ convolutions: [Convolution]) -> String {
    var table = TextTable([.init("where"), .init("convolution"), .init("features"), .init("computed by")])
    for row in convolutions { table.append([row.place, row.convolution, "\(row.features)", row.method]) }
    return table.rendered()
  }
}
