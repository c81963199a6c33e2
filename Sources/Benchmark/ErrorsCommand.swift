import ArgumentParser
import Compute
import NeuralNetwork

/// How far Winograd's convolutions are from im2col's.
struct ErrorsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "errors",
    abstract:
      "Compare winograd with im2col on noise: the largest difference of each result, over im2col's largest value."
  )

  @OptionGroup var network: NetworkSelection
  @OptionGroup var measurement: MeasurementOptions

  func run() throws {
    var report = Report(
      """
      winograd against im2col, \(network.architecture.rawValue), batch \(measurement.batchSize): largest difference ÷ \
      largest value, in millionths
      """, json: measurement.json,
      columns: [
        ("layer", "layer"), ("output_millionths", "output"),
        ("weight_gradient_millionths", "weight gradient"),
        ("input_gradient_millionths", "input gradient"),
      ])
    var seen: Set<String> = []
    let network = try SplitNetwork(network.configuration(cut: 1))
    let layers = Sequential(network.front.layers + network.rest.layers)
    for (layer, shape) in try layers.convolutions(for: network.configuration.input)
    where try layer.method(for: shape, preferred: .winograd) == .winograd {
      let name = "\(layer.description) @ \(shape)"
      guard seen.insert(name).inserted else { continue }
      let expected = try results(layer, shape, .im2col)
      let actual = try results(layer, shape, .winograd)
      let errors = zip(actual, expected).map { actual, expected in
        let largest = expected.reduce(0) { max($0, abs($1)) }
        return zip(actual, expected).reduce(0) { max($0, abs($1.0 - $1.1)) } / largest
      }
      try report.append([.word(name)] + errors.map { .number(Double($0) * 1e6, digits: 2) })
    }
    try report.finish()
  }

  /// Output, weight gradient and input gradient.
  private func results(_ layer: Convolution, _ shape: FeatureShape, _ method: ConvolutionMethod) throws
    -> [[Float]]
  {
    let context = try ComputeContext(ComputeSettings(threads: measurement.threadCount, convolution: method))
    let count = measurement.batchSize
    let input = Tensor(shape, count: count)
    input.fillWithNoise(seed: 1)
    layer.weight.initialize(seed: 0)
    try layer.prepare(for: shape, maximumCount: count, context: context)
    let gradient = Tensor(try layer.outputShape(for: shape), count: count)
    gradient.fillWithNoise(seed: 2)
    func values(_ tensor: Tensor) -> [Float] { withExtendedLifetime(tensor) { Array(tensor.buffer) } }
    let output = values(layer.forward(input, training: true))
    layer.computeWeightGradient(gradient)
    return [output, Array(layer.weight.gradient), values(layer.computeInputGradient(gradient))]
  }
}
