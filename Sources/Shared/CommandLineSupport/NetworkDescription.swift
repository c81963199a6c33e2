import Compute
import HierarchicalTraining
import NeuralNetwork
import Transport

/// The table of `edge-trainer describe`: what each cut of a network costs.
package struct NetworkDescription {
  /// Bytes of a raw 32×32 colour image.
  package static let rawImageBytes = 3072

  private let network: SplitNetwork.Configuration
  private let format: ActivationFormat

  /// - Parameter network: its cut does not matter.
  package init(network: SplitNetwork.Configuration, format: ActivationFormat) {
    self.network = network
    self.format = format
  }

  /// - Throws: `ShapeError` if no cut makes a network.
  package func rendered() throws -> String {
    var table = TextTable([
      .init("cut", .right), .init("features"), .init("values", .right), .init("bytes", .right),
      .init("of raw", .right), .init("front params", .right), .init("exit params", .right),
      .init("rest params", .right), .init("front MACs", .right), .init("exit MACs", .right),
      .init("rest MACs", .right),
    ])
    var notes: [String] = []
    for cut in 1...network.architecture.blockCount {
      var configuration = network
      configuration.cut = cut
      do {
        table.append(try row(SplitNetwork(configuration)))
      } catch let error as ShapeError {
        notes.append("cut \(cut): \(error)")
      }
    }
    if notes.count == network.architecture.blockCount { throw ShapeError(notes[0]) }
    let bottleneck = network.bottleneck.map { ", bottleneck \($0)" } ?? ""
    let title =
      "\(network.architecture.rawValue), exit head \(network.exitHead.rawValue)\(bottleneck), \(format.bits) bits per value"
    return ([title, table.rendered()] + notes).joined(separator: "\n")
  }

  private func row(_ split: SplitNetwork) throws -> [String] {
    let shape = split.cutShape
    let bytes = format.payloadBytesPerImage(values: shape.values)
    let parts: [(Sequential, FeatureShape)] = [
      (split.front, Architecture.imageShape), (split.exit, shape), (split.rest, shape),
    ]
    return [
      "\(split.configuration.cut)", "\(shape)", "\(shape.values)", "\(bytes)",
      Formatting.percent(Double(bytes) / Double(Self.rawImageBytes)),
    ] + parts.map { part, _ in "\(part.parameters.reduce(0) { $0 + $1.count })" }
      + (try parts.map { part, input in "\(try part.multiplyAccumulates(for: input))" })
  }
}
