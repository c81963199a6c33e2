import ArgumentParser
import CommandLineSupport
import Compute
import NeuralNetwork
import Platform
import RunFiles
import Training

/// What this machine computes at best.
struct PeakCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "peak", abstract: "Time plain sgemm; print one JSON object with GFLOP/s.")

  @OptionGroup var measurement: MeasurementOptions

  private struct Output: Encodable {
    var gigaflops: Double
    var threads: Int
    var kernels: String
  }

  func run() throws {
    let threads = measurement.threadCount
    let peak = try SgemmPeak(threads: threads, runs: measurement.runs)
    let output = Output(gigaflops: peak.gigaflops, threads: threads, kernels: GEMM.kernelName)
    try Program.printLine(String(decoding: RunJSON.encode(output, pretty: false), as: UTF8.self))
  }
}

/// How much each side of a run has to compute: divided by the peak, the time of a direct convolution that
/// multiplies the padding, too.
struct ArithmeticCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "arithmetic",
    abstract: "Print what each side of a run computes for a training image, as one JSON object.",
    discussion: """
      Multiplications and additions of convolutions and linear layers, forward and both
      gradients, without the input gradients that nobody needs. Nothing is timed.
      """)

  @Argument(help: ArgumentHelp("config.json of a run.", valueName: "file"))
  var file: String

  private struct Output: Encodable {
    var edgeOperations: Int
    var cloudOperations: Int
  }

  func run() throws {
    let configuration: RunConfiguration
    do {
      configuration = try JSONMismatch.decode(RunConfiguration.self, from: FileOperations.live.contents(of: file))
    } catch let mismatch as JSONMismatch {
      throw ValidationError("\(file): \(mismatch)")
    } catch {
      throw ValidationError("\(file): no readable config.json of a run")
    }
    let split = try SplitNetwork(configuration.network)
    let image = configuration.task.shape
    let (front, exit) = (split.front.layers, split.exit.layers)
    let rest = split.rest.layers
    var output = Output(edgeOperations: 0, cloudOperations: 0)
    switch configuration.strategy {
    case .hierarchical:
      output.edgeOperations = try operations(front + exit, image)
      output.cloudOperations = try operations(rest, split.cutShape)
    case .split:
      output.edgeOperations = try operations(front, image)
      output.cloudOperations = try operations(rest, split.cutShape, needsInputGradient: true)
    case .cloudStream, .cloudUploadOnce: output.cloudOperations = try operations(front + rest, image)
    case .edgeOnly: output.edgeOperations = try operations(front + rest, image)
    }
    try Program.printLine(String(decoding: RunJSON.encode(output, pretty: false), as: UTF8.self))
  }

  /// Two for each multiply-accumulate of forward, weight gradient and input gradient.
  private func operations(_ layers: [any Layer], _ shape: FeatureShape, needsInputGradient: Bool = false)
    throws
    -> Int
  {
    let all = try 3 * Sequential(layers).multiplyAccumulates(for: shape)
    guard !needsInputGradient, let first = layers.first else { return 2 * all }
    return try 2 * (all - inputGradient(first, shape))
  }

  /// Multiply-accumulates of a layer's input gradient.
  private func inputGradient(_ layer: any Layer, _ shape: FeatureShape) throws -> Int {
    guard let block = layer as? ResidualBlock else { return try layer.multiplyAccumulates(for: shape) }
    return try block.first.multiplyAccumulates(for: shape)
      + (block.shortcut?.multiplyAccumulates(for: shape) ?? 0)
  }
}
