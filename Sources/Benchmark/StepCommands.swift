import ArgumentParser
import CommandLineSupport
import Compute
import Datasets
import NeuralNetwork
import Platform
import RunFiles
import Terminal

extension Architecture: ExpressibleByArgument {}
extension ExitHead: ExpressibleByArgument {}

/// The network that is timed.
struct NetworkSelection: ParsableArguments {
  @Option(help: ArgumentHelp("Network.", valueName: "name"))
  var architecture = Architecture.vgg16

  @Option(help: ArgumentHelp("Early exit.", valueName: "head"))
  var exitHead = ExitHead.pool

  func configuration(cut: Int) -> SplitNetwork.Configuration {
    let task = ImageTask.cifar10
    return SplitNetwork.Configuration(
      architecture: architecture, cut: cut, exitHead: exitHead, input: task.shape, classes: task.classes)
  }
}

/// One setting in a process of its own, so that its memory can be told: scripts/compare-pytorch.sh runs it in turns
/// with PyTorch.
struct StepCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "step",
    abstract: "Time each training step of one setting; print one JSON object with seconds and peak memory.")

  @OptionGroup var network: NetworkSelection
  @OptionGroup var measurement: MeasurementOptions

  @Option(help: ArgumentHelp("Part of the network: whole, front (with its exit) or rest.", valueName: "part"))
  var part = Part.whole

  @Option(help: ArgumentHelp("Cut after block <k>.", valueName: "k"))
  var cut = 3

  @Option(help: ArgumentHelp("Steps that are not counted, at least 1.", valueName: "n"))
  var warmUp = 1

  func validate() throws {
    if warmUp < 1 { throw ValidationError("--warm-up \(warmUp) is out of range: at least 1") }
  }

  private struct Output: Encodable {
    var seconds: [Double]
    var peakMemoryBytes: Int?
    var kernels: String
    /// Of sgemm's own speed with as many threads, measured before and after the steps.
    var shareOfPeak: Double
  }

  func run() throws {
    let trained = try Program.checkingUsage {
      try TrainingSample(
        part, of: network.configuration(cut: cut), batchSize: measurement.batchSize,
        measurement.settings)
    }
    for _ in 0..<warmUp { trained.step() }
    // Now: a step allocates nothing any more, but the measurement of the peak does.
    let memory = PeakMemory.bytes()
    let before = try SgemmPeak(threads: measurement.threadCount, runs: 3)
    let times = (0..<measurement.runs).map { _ in seconds { trained.step() } }
    let after = try SgemmPeak(threads: measurement.threadCount, runs: 3)
    let operations = 6 * Double(try trained.multiplyAccumulates() * measurement.batchSize)
    let peak = (before.gigaflops + after.gigaflops) / 2 * 1e9
    let output = Output(
      seconds: times, peakMemoryBytes: memory, kernels: GEMM.kernelName,
      shareOfPeak: operations / Measurement(times).median / peak)
    try Program.printLine(String(decoding: RunJSON.encode(output, pretty: false), as: UTF8.self))
  }
}

/// Whole networks, and their halves at every cut.
struct NetworksCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "networks",
    abstract: "Time the training step of the whole network, and of both halves at every cut."
  )

  @OptionGroup var network: NetworkSelection
  @OptionGroup var measurement: MeasurementOptions

  func run() throws {
    let peak = try SgemmPeak(threads: measurement.threadCount, runs: measurement.runs)
    var report = Report(
      """
      training step of \(network.architecture.rawValue), exit head \(network.exitHead.rawValue), batch \
      \(measurement.batchSize), threads \(measurement.threadCount), \(GEMM.kernelName) kernels, sgemm peak \
      \(Formatting.fixed(peak.gigaflops, decimals: 0)) GFLOP/s
      """, json: measurement.json,
      columns: [
        ("part", "part"), ("cut", "cut"), ("milliseconds", "ms"), ("images_per_second", "images/s"),
        ("gigaflops", "GFLOP/s"), ("share_of_peak", "of peak"),
      ])
    try measure(.whole, cut: 1, peak, &report)
    for cut in 1...network.architecture.blockCount {
      // Not every head fits every cut.
      guard (try? SplitNetwork(network.configuration(cut: cut))) != nil else { continue }
      try measure(.front, cut: cut, peak, &report)
      try measure(.rest, cut: cut, peak, &report)
    }
    try report.finish()
  }

  private func measure(_ part: Part, cut: Int, _ peak: SgemmPeak, _ report: inout Report) throws {
    let trained = try TrainingSample(
      part, of: network.configuration(cut: cut), batchSize: measurement.batchSize,
      measurement.settings)
    let time = Measurement(runs: measurement.runs) { trained.step() }.median
    let images = Double(measurement.batchSize)
    // Forward, weight gradient and input gradient: three products of two operations a multiply-accumulate.
    let gigaflops = 6 * Double(try trained.multiplyAccumulates()) * images / time / 1e9
    try report.append([
      .word(part.rawValue), .word(part == .whole ? "-" : "\(cut)"), .number(time * 1e3, digits: 1),
      .number(images / time, digits: 1), .number(gigaflops, digits: 1),
      .number(gigaflops / peak.gigaflops, digits: 3),
    ])
  }
}

/// Where the time of a step goes.
struct ProfileCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "profile", abstract: "Time each layer within training steps of the whole network.")

  @OptionGroup var network: NetworkSelection
  @OptionGroup var measurement: MeasurementOptions

  func run() throws {
    let trained = try TrainingSample(
      .whole, of: network.configuration(cut: 1), batchSize: measurement.batchSize,
      measurement.settings)
    let peak = try SgemmPeak(threads: measurement.threadCount, runs: measurement.runs)
    trained.step()
    // Forward and backward of each layer, then loss and update; for each run.
    var times = Array(repeating: [Double](), count: 2 * (trained.layers.count + 1))
    for _ in 0..<measurement.runs {
      trained.step { layer, isForward, work in
        let place = 2 * (layer ?? trained.layers.count) + (isForward ? 0 : 1)
        times[place].append(seconds(work))
      }
    }
    let medians = times.map { Measurement($0).median }
    let total = medians.reduce(0, +)
    var report = Report(
      """
      layers within a step of \(network.architecture.rawValue), batch \(measurement.batchSize), threads \
      \(measurement.threadCount), sgemm peak \(Formatting.fixed(peak.gigaflops, decimals: 0)) GFLOP/s, step \
      \(Formatting.fixed(total * 1e3, decimals: 1)) ms
      """, json: measurement.json,
      columns: [
        ("layer", "layer"), ("forward_milliseconds", "forward ms"), ("backward_milliseconds", "backward ms"),
        ("share_of_step", "of step"), ("share_of_peak", "of peak"),
      ])
    var shape = trained.input.shape
    for (index, layer) in trained.layers.enumerated() {
      let operations = 2 * Double(try layer.multiplyAccumulates(for: shape) * measurement.batchSize)
      let (forward, backward) = (medians[2 * index], medians[2 * index + 1])
      let products = index == 0 ? 2.0 : 3.0
      let share = operations * products / (forward + backward) / 1e9 / peak.gigaflops
      try report.append([
        .word("\(layer.description) @ \(shape)"), .number(forward * 1e3, digits: 1),
        .number(backward * 1e3, digits: 1), .number((forward + backward) / total, digits: 3),
        .number(share, digits: 3),
      ])
      shape = try layer.outputShape(for: shape)
    }
    let last = 2 * trained.layers.count
    try report.append([
      .word("loss; update"), .number(medians[last] * 1e3, digits: 1),
      .number(medians[last + 1] * 1e3, digits: 1),
      .number((medians[last] + medians[last + 1]) / total, digits: 3),
      .number(0, digits: 3),
    ])
    try report.finish()
  }
}
