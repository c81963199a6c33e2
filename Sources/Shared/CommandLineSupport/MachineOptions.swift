import ArgumentParser
import Compute

/// What both programs ask about the machine and the link.
package struct MachineOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Threads that compute. (default: the processors that the program may use)", valueName: "n"))
  package var threads: Int?

  @OptionGroup package var convolution: ConvolutionOption

  @Option(
    help: ArgumentHelp(
      "Take the other side for lost when nothing comes from it for so many seconds.", valueName: "s"))
  package var timeout = usualTimeout

  package static let usualTimeout = Seconds(60)

  package init() {}

  package func validate() throws {
    try Self.check(threads: threads)
    guard timeout.value > 0 && timeout.value <= 86_400 else {
      throw ValidationError("--timeout \(timeout) is out of range: more than 0, at most 86400 seconds")
    }
  }

  /// Many more threads than processors only wait for each other.
  package static var maximumThreads: Int { max(64, 4 * Processors.availableCount) }

  /// - Throws: `ValidationError`.
  package static func check(threads: Int?) throws {
    if let threads, !(1...maximumThreads).contains(threads) {
      throw ValidationError("--threads \(threads) is out of range: 1 to \(maximumThreads) on this machine")
    }
  }

  package var threadCount: Int { threads ?? Processors.availableCount }

  package var settings: ComputeSettings {
    ComputeSettings(threads: threadCount, convolution: convolution.convolution)
  }
}

extension ConvolutionMethod: ExpressibleByArgument {}

/// How this program convolves.
package struct ConvolutionOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "How 3x3 convolutions are computed here; winograd takes fewer multiplications, and rounds otherwise.",
      valueName: "name"))
  package var convolution = ConvolutionMethod.im2col

  package init() {}
}

/// A length of time as an option's value; whole numbers are written without a fraction.
package struct Seconds: ExpressibleByArgument, CustomStringConvertible, Sendable {
  package let value: Double

  package init(_ value: Double) { self.value = value }

  package init?(argument: String) {
    guard let value = Double(argument) else { return nil }
    self.init(value)
  }

  package var description: String {
    let text = "\(value)"
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  package var defaultValueDescription: String { description }
}
