import Platform

/// How learning rate and momentum change over the steps of a run.
package enum LearningRateSchedule: String, Codable, CaseIterable, Sendable {
  case constant
  case cosine
  case oneCycle = "one-cycle"

  /// Whether the values of a step depend on how many steps there are.
  package var dependsOnLength: Bool { self != .constant }

  /// What one step uses.
  package struct Values: Equatable, Sendable {
    package var learningRate: Float
    package var momentum: Float
  }

  /// The values of step `step` of `totalSteps`.
  ///
  /// - `constant`: as given.
  /// - `cosine`: `rate · (1 + cos(π · step / totalSteps)) / 2`; momentum as given.
  /// - `one-cycle`: PyTorch's `OneCycleLR` (Smith and Topin, *Super-Convergence*, 2018) with `pct_start` 0.25: by a
  ///   cosine from rate / 25 up to the rate at a quarter of the steps, then down to rate / 250,000; momentum goes from
  ///   `momentum + 0.05` down to `momentum − 0.05` and back. A momentum of 0 stays 0.
  package func values(step: Int, of totalSteps: Int, learningRate: Float, momentum: Float) -> Values {
    let rate = Double(learningRate)
    switch self {
    case .constant: return Values(learningRate: learningRate, momentum: momentum)
    case .cosine:
      let progress = Double(step) / Double(max(1, totalSteps))
      return Values(learningRate: Float(rate * (1 + cos(.pi * progress)) / 2), momentum: momentum)
    case .oneCycle:
      let high = momentum == 0 ? 0 : Double(momentum) + Self.momentumSwing
      let low = momentum == 0 ? 0 : Double(momentum) - Self.momentumSwing
      let start = rate / 25
      let peak = 0.25 * Double(totalSteps) - 1
      let last = Double(totalSteps - 1)
      if Double(step) <= peak {
        let part = peak == 0 ? 1 : Double(step) / peak
        return Values(learningRate: Float(anneal(start, rate, part)), momentum: Float(anneal(high, low, part)))
      }
      let part = last == peak ? 1 : (Double(step) - peak) / (last - peak)
      return Values(learningRate: Float(anneal(rate, start / 10_000, part)), momentum: Float(anneal(low, high, part)))
    }
  }

  /// How far one-cycle moves the momentum to either side.
  package static let momentumSwing = 0.05

  private func anneal(_ from: Double, _ to: Double, _ part: Double) -> Double {
    to + (from - to) / 2 * (1 + cos(.pi * part))
  }
}
