import Terminal

/// Counts as people read them: three significant digits and a unit.
package enum Quantity {
  /// "999", "10.2 K", "1.74 M", "39.5 M", "12.3 G".
  package static func rendered(_ count: Int) -> String {
    precondition(count >= 0, "a count of \(count)")
    if count < 1000 { return "\(count)" }
    var value = Double(count)
    for unit in ["K", "M", "G"] {
      value /= 1000
      // 999.5 would be written as 1000.
      if value < 999.5 || unit == "G" { return digits(value) + " " + unit }
    }
    return digits(value)
  }

  private static func digits(_ value: Double) -> String {
    Formatting.fixed(value, decimals: value < 9.995 ? 2 : value < 99.95 ? 1 : 0)
  }
}
