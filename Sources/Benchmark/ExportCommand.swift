import ArgumentParser
import CommandLineSupport
import NeuralNetwork
import RunFiles
import WeightFiles

/// One step of a whole network as plain arrays, for a comparison with another implementation.
struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Compute one step; write weights, batch and gradients as .npy files; print the loss.",
    discussion: """
      Files: images (NHWC), labels, and for each parameter NAME.value and NAME.gradient in
      this engine's layouts: convolutions HWIO, linear layers [inputs, outputs].
      """)

  @OptionGroup var network: NetworkSelection
  @OptionGroup var measurement: MeasurementOptions

  @Option(help: ArgumentHelp("Seed of weights and images.", valueName: "n"))
  var seed: UInt64 = 0

  @Option(help: ArgumentHelp("Label smoothing of the loss, 0 to less than 1.", valueName: "x"))
  var labelSmoothing = 0.0

  @Argument(help: ArgumentHelp("Existing directory for the files.", valueName: "dir"))
  var directory: String

  private struct Output: Encodable {
    var loss: Double
    var labelSmoothing: Double
    var parameters: [String]
  }

  func validate() throws {
    guard labelSmoothing >= 0 && labelSmoothing < 1 else {
      throw ValidationError("--label-smoothing \(labelSmoothing) is out of range: 0 to less than 1")
    }
  }

  func run() throws {
    let trained = try TrainingSample(
      .whole, of: network.configuration(cut: 1), batchSize: measurement.batchSize,
      measurement.settings, seed: seed, labelSmoothing: labelSmoothing)
    let shape = trained.input.shape
    try NumPyFile.write(
      Array(trained.input.buffer), shape: [trained.input.count, shape.height, shape.width, shape.channels],
      to: "\(directory)/images.npy")
    try NumPyFile.write(trained.labels, shape: [trained.labels.count], to: "\(directory)/labels.npy")
    let parameters = trained.layers.flatMap(\.parameters)
    for parameter in parameters { try write(Array(parameter.value), parameter, "value") }
    let loss = trained.computeGradients()
    for parameter in parameters { try write(Array(parameter.gradient), parameter, "gradient") }
    let output = Output(loss: loss, labelSmoothing: labelSmoothing, parameters: parameters.map(\.name))
    try Program.printLine(String(decoding: RunJSON.encode(output, pretty: false), as: UTF8.self))
  }

  private func write(_ values: [Float], _ parameter: Parameter, _ kind: String) throws {
    let shape =
      switch parameter.layout {
      case .scalar: [Int]()
      case .vector(let count): [count]
      case .linear(let inputs, let outputs): [inputs, outputs]
      case .convolution(let kernelSize, let inputs, let outputs): [kernelSize, kernelSize, inputs, outputs]
      }
    try NumPyFile.write(values, shape: shape, to: "\(directory)/\(parameter.name).\(kind).npy")
  }
}
