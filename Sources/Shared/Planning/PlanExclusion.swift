import Terminal
import Training

/// Settings that a plan leaves out for the same reason.
struct PlanExclusion: Equatable, Sendable {
  var reason: String
  var settings: [PlanSetting]
}

/// The conditions leave nothing to choose from.
package struct NothingLeftError: ClassifiedError, Equatable, CustomStringConvertible {
  let exclusions: [PlanExclusion]

  package var kind: ErrorKind { .usage }

  package var description: String {
    "no setting is left: "
      + exclusions.map { "\(Formatting.count($0.settings.count, "setting")): \($0.reason)" }.joined(separator: "; ")
  }
}

/// Settings that are left out, by reason, in the order in which they were found.
struct PlanExclusions {
  private(set) var all: [PlanExclusion] = []

  mutating func add(_ reason: String, _ settings: [PlanSetting]) {
    if let index = all.firstIndex(where: { $0.reason == reason }) {
      all[index].settings += settings
    } else {
      all.append(PlanExclusion(reason: reason, settings: settings))
    }
  }
}
