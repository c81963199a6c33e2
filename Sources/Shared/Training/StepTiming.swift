import Platform

/// Times the steps of a measurement.
package enum StepTiming {
  /// Seconds after which no further step is begun, once one is timed.
  package static let budget = 10.0

  /// Runs one step that is not counted (it allocates, and fills the caches), and then as many as asked for, fewer if
  /// they take long.
  ///
  /// - Parameters:
  ///   - steps: to be timed; 0 for none at all.
  ///   - budget: seconds after which no further step is begun, once one is timed.
  ///   - step: does one step and tells its times; the argument counts the steps from 0.
  /// - Returns: the times of the steps that count.
  package static func run<Times>(steps: Int, within budget: Double = Self.budget, _ step: (Int) throws -> Times)
    rethrows -> [Times]
  {
    guard steps > 0 else { return [] }
    let start = MonotonicClock.seconds()
    _ = try step(0)
    var samples: [Times] = []
    repeat {
      samples.append(try step(samples.count + 1))
    } while samples.count < steps && MonotonicClock.seconds() - start < budget
    return samples
  }

  /// The middle value, or the mean of both; 0 of none.
  package static func median(_ values: [Double]) -> Double {
    guard !values.isEmpty else { return 0 }
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }
}
