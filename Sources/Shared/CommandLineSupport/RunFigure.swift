import ArgumentParser
import Platform
import RunFiles
import Terminal

/// How the figures of runs are printed.
package enum FigureFormat: String, CaseIterable, ExpressibleByArgument {
  case table, json, csv
}

/// One thing that there is to say about a run.
package struct RunFigure: Sendable {
  /// In JSON and CSV.
  package let key: String
  package let heading: String
  package let unit: Unit
  package let value: @Sendable (FoundRun) -> Value

  /// A value as JSON and CSV have it.
  package enum Value: Encodable, Equatable, Sendable {
    case text(String)
    case count(Int)
    case number(Double)
    case missing

    /// A number as one, whatever else as it is written.
    package init(_ member: JSONOutline.Member) {
      let count = member.kind == .number ? Int(member.text) : nil
      let number = member.kind == .number ? Double(member.text) : nil
      self = count.map(Value.count) ?? number.map(Value.number) ?? .text(member.text)
    }

    init(_ text: String?) { self = text.map(Value.text) ?? .missing }
    init(_ count: Int?) { self = count.map(Value.count) ?? .missing }
    init(_ number: Double?) { self = number.map(Value.number) ?? .missing }

    /// Nil for text, and where there is none.
    var double: Double? {
      switch self {
      case .count(let count): Double(count)
      case .number(let number): number.isFinite ? number : nil
      case .text, .missing: nil
      }
    }

    /// Empty where there is none.
    package var plain: String {
      switch self {
      case .text(let text): text
      case .count(let count): "\(count)"
      case .number(let number): number.isFinite ? "\(number)" : ""
      case .missing: ""
      }
    }

    package func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .text(let text): try container.encode(text)
      case .count(let count): try container.encode(count)
      case .number(let number): try container.encode(number)
      case .missing: try container.encodeNil()
      }
    }
  }

  /// How a table writes it, and what is said of two of them.
  package enum Unit: Sendable {
    case none, fraction, bytes, seconds, perSecond

    package func shown(_ value: Value) -> String {
      guard let number = value.double else { return value == .missing ? "-" : Formatting.singleLine(value.plain) }
      switch self {
      case .none: return value.plain
      case .fraction: return Formatting.percent(number)
      case .bytes: return Formatting.bytes(Int(exactly: number.rounded()) ?? .max)
      case .seconds: return Formatting.duration(seconds: number)
      case .perSecond: return Formatting.fixed(number, decimals: 1)
      }
    }

    /// " (+0.57)" of fractions, in percentage points; " (+12.3 %)" of what has a size; else nothing.
    package func change(of value: Value, from first: Value) -> String {
      guard let value = value.double, let first = first.double else { return "" }
      switch self {
      case .none: return ""
      case .fraction: return " (\(signed((value - first) * 100, decimals: 2)))"
      case .bytes, .seconds, .perSecond:
        return first > 0 ? " (\(signed((value / first - 1) * 100, decimals: 1)) %)" : ""
      }
    }

    private func signed(_ number: Double, decimals: Int) -> String {
      let text = Formatting.fixed(number, decimals: decimals)
      return text.hasPrefix("-") ? "−" + text.dropFirst() : "+" + text
    }
  }

  package var alignment: TextTable.Alignment { unit == .none ? .left : .right }

  package func shown(_ run: FoundRun) -> String { unit.shown(value(run)) }
}

extension FoundRun {
  /// What the user calls it, else its number, else where it is.
  package var title: String { setting("name") ?? runName ?? path }

  /// A setting of config.json by its name there.
  package func setting(_ name: String) -> String? { settings.first { $0.name == name }?.text }

  fileprivate var network: String {
    let cut = setting("cut").map { ", cut \($0)" } ?? ""
    let bottleneck = setting("bottleneck").map { ", bottleneck \($0)" } ?? ""
    return (setting("architecture") ?? "-") + cut + bottleneck
  }
}

extension RunFigure {
  private static let started = RunFigure(key: "started_at", heading: "started", unit: .none) { .text($0.startedAt) }
  private static let strategy = setting("strategy")
  private static let directory = RunFigure(key: "directory", heading: "directory", unit: .none) { .text($0.path) }

  /// What config.json says under a name.
  private static func setting(_ name: String) -> RunFigure {
    RunFigure(key: name, heading: name, unit: .none) { run in
      run.settings.first { $0.name == name }.map { Value($0) } ?? .missing
    }
  }

  /// Whose directory it is: what one side sends, the other receives.
  private static let side = RunFigure(key: "role", heading: "side", unit: .none) { .text($0.role.rawValue) }
  private static let run = RunFigure(key: "run", heading: "run", unit: .none) { .text($0.title) }
  private static let network = RunFigure(key: "network", heading: "network", unit: .none) { .text($0.network) }
  private static let state = RunFigure(key: "state", heading: "state", unit: .none) { .text("\($0.state)") }
  /// Without the end of a long reason.
  private static let shortState = RunFigure(key: "state", heading: "state", unit: .none) {
    .text(Formatting.shortened("\($0.state)", to: 40))
  }
  private static let epochs = RunFigure(key: "epochs", heading: "epochs", unit: .none) { run in
    .text("\(run.epochs.completed) of \(run.setting("epochs") ?? "-")")
  }

  private static let completedEpochs = RunFigure(key: "completed_epochs", heading: "", unit: .none) {
    .count($0.epochs.completed)
  }

  /// Of what is done so far.
  private static func soFar(
    _ key: String, _ heading: String, _ unit: Unit, _ value: @escaping @Sendable (FoundRun.Epochs) -> Value
  ) -> RunFigure { RunFigure(key: key, heading: heading, unit: unit) { $0.hasBegun ? value($0.epochs) : .missing } }

  /// Of what is known at the end.
  private static func atTheEnd(
    _ key: String, _ heading: String, _ unit: Unit, _ value: @escaping @Sendable (RunSummary) -> Value
  ) -> RunFigure { RunFigure(key: key, heading: heading, unit: unit) { $0.endedSummary.map(value) ?? .missing } }

  private static let exitAccuracy = soFar("exit_accuracy", "exit accuracy", .fraction) { Value($0.exitAccuracy) }
  private static let finalAccuracy = soFar("final_accuracy", "final accuracy", .fraction) { Value($0.finalAccuracy) }
  private static let sent = soFar("sent_bytes", "sent", .bytes) { .count($0.sentBytes) }
  private static let received = soFar("received_bytes", "received", .bytes) { .count($0.receivedBytes) }
  private static let training = soFar("training_seconds", "training time", .seconds) { .number($0.trainingSeconds) }
  private static let wall = soFar("wall_seconds", "time", .seconds) { .number($0.wallSeconds) }

  /// What a table of runs says of each.
  package static let listed = [
    run, started, network, setting("bits"), strategy, epochs, exitAccuracy, finalAccuracy, sent, wall, shortState,
    directory,
  ]

  /// The same for programs: each figure on its own.
  package static let recorded =
    [
      RunFigure(key: "run", heading: "", unit: .none) { Value($0.runName) }, side,
    ] + ["name", "architecture", "cut", "bottleneck", "bits", "strategy", "epochs"].map(setting)
    + [completedEpochs, exitAccuracy, finalAccuracy, sent, received, wall, started, state, directory]

  /// What programs compare runs by.
  package static let recordedResults = results.map { $0.key == epochs.key ? completedEpochs : $0 }

  /// What runs are compared by.
  package static let results = [
    side, state, epochs, exitAccuracy, finalAccuracy,
    atTheEnd("train_images_per_second", "training images/s", .perSecond) { Value($0.trainImagesPerSecond) },
    training, atTheEnd("busy_seconds", "of it, busy", .seconds) { .number($0.busySeconds) }, wall,
    atTheEnd("train_payload_bytes", "training payload", .bytes) { .count($0.trainPayloadBytes) }, sent, received,
    atTheEnd("peak_memory_bytes", "peak memory", .bytes) { Value($0.peakMemoryBytes) },
  ]
}
