import Foundation
import TestSupport
import Testing

@testable import Platform
@testable import Training

/// All calls of one kind on one side.
struct CrashSeries: CustomStringConvertible {
  let strategy: Strategy
  let side: Role
  let kind: DoomedProcess.Kind
  let fate: DoomedProcess.Fate

  var description: String { "\(strategy.rawValue), \(side.rawValue), \(kind.rawValue), \(fate.rawValue)" }
}

/// In the manner of SQLite's tests: a run of two epochs in which the nth call on a file or on a socket fails, or is the
/// last one of a process, for every n, and which then goes on and must end as one that was never disturbed.
///
/// A few points of each series; all of them if the environment has `CRASH_POINTS=all`. `CRASH_SERIES` restricts it to
/// those whose name contains one of some texts, a line each, "edge, files" for example.
@Suite(.serialized) struct CrashPointTests {
  static let strategies = Strategy.allCases

  /// Points of each series, if not all are tested.
  private static let sampled = 2
  /// After so many the rest of a series tells nothing new.
  private static let mostFailures = 20
  private static let testsAll = ProcessInfo.processInfo.environment["CRASH_POINTS"] == "all"
  private static let wanted = ProcessInfo.processInfo.environment["CRASH_SERIES"]?.split(separator: "\n") ?? []

  @Test(arguments: strategies, [Role.edge, .cloud]) func everyPoint(strategy: Strategy, side: Role) throws {
    guard side == .edge || strategy.needsCloud else { return }
    let whole = try DurableRun(tiny: strategy, in: SessionFolder()).whole()
    for kind in DoomedProcess.Kind.allCases where kind == .files || strategy.needsCloud {
      let series = DoomedProcess.Fate.allCases.map {
        CrashSeries(strategy: strategy, side: side, kind: kind, fate: $0)
      }.filter { series in Self.wanted.isEmpty || Self.wanted.contains { "\(series)".contains($0) } }
      if Self.testsAll { series.forEach { testAll(of: $0, whole) } } else { try testSome(of: series, whole) }
    }
  }

  private func testAll(of series: CrashSeries, _ whole: DurableRun) {
    let start = MonotonicClock.seconds()
    var (number, count, failed, beyond) = (0, 0, 0, 0)
    // Beyond the last call of a run there is no further point; how many calls there are varies a little.
    while beyond < 5, failed < Self.mostFailures {
      number += 1
      do {
        let isReached = try CrashPoint(series, atCall: number, of: whole).survive(as: whole).isReached
        (count, beyond) = isReached ? (count + 1, 0) : (count, beyond + 1)
      } catch {
        Issue.record("\(series), call \(number): \(error)")
        (count, failed) = (count + 1, failed + 1)
      }
    }
    let outcome = failed == 0 ? "all as undisturbed" : "\(failed) NOT AS UNDISTURBED"
    tell("\(series): \(count) points, \(outcome), \(Int(MonotonicClock.seconds() - start)) s")
  }

  /// Spread over the run, and others for each series.
  private func testSome(of series: [CrashSeries], _ whole: DurableRun) throws {
    guard let first = series.first else { return }
    let count = try CrashPoint(first, atCall: .max, of: whole).survive(as: whole).calls
    let places = series.count * Self.sampled
    for place in 0..<places {
      let number = 1 + count * (2 * place + 1) / (2 * places)
      let series = series[place % series.count]
      do { _ = try CrashPoint(series, atCall: number, of: whole).survive(as: whole) } catch {
        Issue.record("\(series), call \(number): \(error)")
      }
    }
    tell("\(first.strategy.rawValue), \(first.side.rawValue), \(first.kind.rawValue): \(places) of \(count) points")
  }

  /// At once, and not when a buffer is full.
  private func tell(_ line: String) { FileHandle.standardOutput.write(Data("crash points: \(line)\n".utf8)) }
}
