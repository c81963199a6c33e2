import Compute
import NeuralNetwork
import Terminal
import Transport

/// The table of `edge-trainer describe`: what each cut of a network costs.
package struct NetworkDescription {
  private let network: SplitNetwork.Configuration
  private let format: ActivationFormat

  /// - Parameters:
  ///   - network: its cut does not matter.
  ///   - format: of the features on the wire.
  package init(network: SplitNetwork.Configuration, format: ActivationFormat) {
    self.network = network
    self.format = format
  }

  /// - Parameter convolution: list all convolutions, too, and how each is computed if this is asked for.
  /// - Throws: `ShapeError` if no cut makes a network.
  package func rendered(_ convolution: ConvolutionMethod? = nil) throws -> String {
    var table = TextTable(
      [
        .init("cut", .right), .init("features"), .init("values", .right), .init("bytes", .right),
        .init("of raw", .right),
      ]
        + ["params:", "MACs:"].flatMap { quantity in
          [.init("\(quantity) front", .right), .init("exit", .right), .init("rest", .right)]
        })
    var errors: [(cut: Int, error: ShapeError)] = []
    for cut in 1...network.architecture.blockCount {
      var configuration = network
      configuration.cut = cut
      do {
        table.append(try row(SplitNetwork(configuration)))
      } catch let error as ShapeError {
        errors.append((cut, error))
      }
    }
    if errors.count == network.architecture.blockCount { throw errors[0].error }
    let bottleneck = network.bottleneck.map { ", bottleneck of \($0) channels" } ?? ""
    let title = """
      \(network.architecture.rawValue), exit head \(network.exitHead.rawValue)\(bottleneck); per image, \
      \(format.bits) \(format.bits == 1 ? "bit" : "bits") a value\(RunPlan.clipping(format)), raw \(RunPlan.rawImageBytes) bytes

      """
    return title + table.rendered() + errors.map { "cut \($0.cut): \($0.error)\n" }.joined()
      + (try convolution.map { "\n" + (try convolutions($0)) } ?? "")
  }

  /// The convolutions of each block, and of the exit at each cut.
  private func convolutions(_ preferred: ConvolutionMethod) throws -> String {
    var table = TextTable([.init("where"), .init("convolution"), .init("features"), .init("computed by")])
    func append(_ place: String, _ layers: Sequential, _ input: FeatureShape, after skipped: Int = 0) throws {
      for (layer, shape) in try layers.convolutions(for: input).dropFirst(skipped) {
        let method = try layer.method(for: shape, preferred: preferred)
        table.append([place, layer.description, "\(shape)", method.rawValue])
      }
    }
    var configuration = network
    configuration.bottleneck = nil
    var listed = 0
    for cut in 1...network.architecture.blockCount {
      configuration.cut = cut
      configuration.exitHead = .pool
      let front = try SplitNetwork(configuration).front
      try append("block \(cut)", front, Architecture.imageShape, after: listed)
      listed = try front.convolutions(for: Architecture.imageShape).count
    }
    configuration = network
    for cut in 1...network.architecture.blockCount {
      configuration.cut = cut
      guard let split = try? SplitNetwork(configuration) else { continue }
      try append("exit, cut \(cut)", split.exit, split.cutShape)
    }
    return table.rendered()
  }

  private func row(_ split: SplitNetwork) throws -> [String] {
    let shape = split.cutShape
    let bytes = format.payloadBytesPerImage(values: shape.values)
    let parts = try NetworkPart.all(of: split)
    return [
      "\(split.configuration.cut)", "\(shape)", "\(shape.values)", "\(bytes)",
      RunPlan.percent(bytes, of: RunPlan.rawImageBytes),
    ] + parts.map { Quantity.rendered($0.parameters) }
      + parts.map { Quantity.rendered($0.multiplyAccumulates) }
  }
}
