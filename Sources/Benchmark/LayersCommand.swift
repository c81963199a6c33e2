import ArgumentParser
import Compute
import NeuralNetwork
import Terminal

/// Each different convolution of vgg16 and resnet18 by itself.
struct LayersCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "layers",
    abstract: "Time each convolution of vgg16 and resnet18: forward, weight gradient, input gradient.")

  @OptionGroup var measurement: MeasurementOptions

  @Option(help: ArgumentHelp("Only layers whose description contains this, such as '64 -> 64'.", valueName: "text"))
  var matching: String?

  /// Input side and channels, output channels, kernel and stride; where it comes from.
  private static let shapes: [(side: Int, inputs: Int, outputs: Int, kernel: Int, stride: Int)] = [
    (32, 3, 64, 3, 1), (32, 64, 64, 3, 1), (16, 64, 128, 3, 1), (16, 128, 128, 3, 1), (8, 128, 256, 3, 1),
    (8, 256, 256, 3, 1), (4, 256, 512, 3, 1), (4, 512, 512, 3, 1), (2, 512, 512, 3, 1),
    (32, 64, 128, 3, 2), (32, 64, 128, 1, 2), (16, 128, 256, 3, 2), (16, 128, 256, 1, 2), (8, 256, 512, 3, 2),
    (8, 256, 512, 1, 2), (4, 256, 32, 1, 1), (32, 32, 32, 3, 1),
    (16, 32, 64, 3, 1), (8, 64, 128, 3, 1), (8, 128, 128, 3, 1), (32, 8, 8, 3, 1), (32, 16, 16, 3, 1),
    (16, 16, 16, 3, 1), (8, 16, 64, 3, 1), (4, 16, 512, 3, 1), (4, 32, 32, 3, 1), (4, 32, 512, 3, 1),
    (2, 64, 64, 3, 1),
  ]

  func run() throws {
    let peak = try SgemmPeak(threads: measurement.threadCount, runs: measurement.runs)
    var report = Report(
      """
      convolutions, batch \(measurement.batchSize), threads \(measurement.threadCount), \(measurement.convolution.convolution), \(GEMM.kernelName) kernels, \
      sgemm peak \(Formatting.fixed(peak.gigaflops, decimals: 0)) GFLOP/s
      """, json: measurement.json,
      columns: [("layer", "layer")]
        + [
          ("forward", "forward"), ("weight_gradient", "weight gradient"),
          ("input_gradient", "input gradient"),
        ]
        .flatMap { [($0.0 + "_gigaflops", $0.1), ($0.0 + "_share_of_peak", "of peak")] })
    for shape in Self.shapes { try measure(shape, peak, &report) }
    try report.finish()
  }

  private func measure(
    _ shape: (side: Int, inputs: Int, outputs: Int, kernel: Int, stride: Int), _ peak: SgemmPeak,
    _ report: inout Report
  ) throws {
    let context = try ComputeContext(measurement.settings)
    let layer = Convolution(
      name: "layer", inputChannels: shape.inputs, outputChannels: shape.outputs, kernelSize: shape.kernel,
      stride: shape.stride, padding: shape.kernel / 2)
    let inputShape = FeatureShape(height: shape.side, width: shape.side, channels: shape.inputs)
    let name = "\(layer.description) @ \(inputShape)"
    if let matching, !name.contains(matching) { return }
    let input = Tensor(inputShape, count: measurement.batchSize)
    input.fillWithNoise(seed: 1)
    layer.weight.initialize(seed: 0)
    try layer.prepare(for: inputShape, maximumCount: measurement.batchSize, context: context)
    let outputShape = try layer.outputShape(for: inputShape)
    let forward = Measurement(runs: measurement.runs) { _ = layer.forward(input, training: true) }.median
    let gradient = Tensor(outputShape, count: measurement.batchSize)
    gradient.fillWithNoise(seed: 2)
    let weightGradient = Measurement(
      (0...measurement.runs).map { _ in
        _ = layer.forward(input, training: true)
        return seconds { layer.computeWeightGradient(gradient) }
      }.dropFirst()
    ).median
    let inputGradient = Measurement(runs: measurement.runs) {
      layer.computeInputGradient(gradient).release()
    }.median
    let operations = 2 * Double(try layer.multiplyAccumulates(for: inputShape) * measurement.batchSize)
    let figures = [forward, weightGradient, inputGradient].flatMap { seconds in
      let gigaflops = operations / seconds / 1e9
      return [
        Report.Value.number(gigaflops, digits: 1), .number(gigaflops / peak.gigaflops, digits: 2),
      ]
    }
    try report.append([.word(name)] + figures)
  }
}
