import ArgumentParser
import CommandLineSupport
import Compute
import Terminal

@main
struct Benchmark: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "benchmark",
    abstract: "Times the engine: products, layers, training steps, codec, input.",
    discussion: """
      Prints tables, or with --json one object a line, on standard output. Figures are
      medians. "Peak" is what plain sgemm reaches with the same number of threads in the
      same run. Nothing else should run on the machine.
      """,
    subcommands: [
      LayersCommand.self, ProfileCommand.self, NetworksCommand.self, StepCommand.self, CodecCommand.self,
      InputCommand.self, ErrorsCommand.self, ExportCommand.self, PeakCommand.self, ArithmeticCommand.self,
      FormatsCommand.self,
    ])

  static func main() {
    BLASKernels.restartIfMisjudged()
    #if DEBUG
      Console.standardError.printLine(
        "benchmark: THIS IS A DEBUG BUILD. Its figures mean nothing; use scripts/benchmark.sh")
    #endif
    Program.main(Self.self)
  }
}

/// What every benchmark asks.
struct MeasurementOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Threads that compute. (default: all processors)", valueName: "n"))
  var threads: Int?

  @OptionGroup var convolution: ConvolutionOption

  @Option(help: ArgumentHelp("Images of a batch.", valueName: "n"))
  var batchSize = 128

  @Option(help: ArgumentHelp("Runs that are counted; the median is printed.", valueName: "n"))
  var runs = 5

  @Flag(help: "Print one JSON object a line instead of a table.")
  var json = false

  func validate() throws {
    for (name, value) in [("threads", threads ?? 1), ("batch-size", batchSize), ("runs", runs)]
    where !(1...10_000).contains(value) {
      throw ValidationError("--\(name) \(value) is out of range: 1 to 10000")
    }
  }

  var threadCount: Int { threads ?? Processors.availableCount }
  var settings: ComputeSettings {
    ComputeSettings(threads: threadCount, convolution: convolution.convolution)
  }
}
