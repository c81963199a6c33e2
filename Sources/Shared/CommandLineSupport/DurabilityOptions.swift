import ArgumentParser
import Training

/// What both programs ask about runs that outlive connections and processes.
package struct DurabilityOptions: ParsableArguments {
  private static let defaultInterval = Seconds(Defaults.checkpointInterval)

  @Option(
    name: .customLong("checkpoint-interval"),
    help: ArgumentHelp(
      "Write the state of the run every so many seconds, to go on from; 0: at the end of each epoch only. (default: \(defaultInterval))",
      valueName: "s"))
  package var givenInterval: Seconds?

  @Option(
    name: .customLong("reconnect-for"),
    help: ArgumentHelp(
      "How long the other side may be gone before the run ends with an error: so many seconds. (default: for ever)",
      valueName: "s"))
  package var givenReconnect: Seconds?

  package init() {}

  /// Seconds.
  package var checkpointInterval: Double { (givenInterval ?? Self.defaultInterval).value }

  /// Seconds; nil for ever.
  package var reconnectFor: Double? { givenReconnect?.value }

  package func validate() throws {
    let interval = givenInterval ?? Self.defaultInterval
    guard interval.value == 0 || (0.1...86_400).contains(interval.value) else {
      throw ValidationError("--checkpoint-interval \(interval) is out of range: 0, or 0.1 to 86400 seconds")
    }
    try Self.check(reconnectFor: givenReconnect)
  }

  /// - Throws: `ValidationError`.
  package static func check(reconnectFor given: Seconds?) throws {
    if let given, !(0...1e9).contains(given.value) {
      throw ValidationError("--reconnect-for \(given) is out of range: 0 to 1000000000 seconds")
    }
  }
}
