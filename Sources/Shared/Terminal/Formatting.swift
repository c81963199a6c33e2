import Platform

/// Numbers as people read them. None of these depends on the locale.
package enum Formatting {
  /// A number with a fixed number of decimals: `fixed(2.345, decimals: 2)` is "2.35" or "2.34", whichever is nearer to
  /// the binary number; exact halves go away from zero. Never "-0.00". Not a number is "-", infinity "inf".
  ///
  /// - Parameters:
  ///   - value: any number.
  ///   - decimals: 0 to 9.
  /// - Returns: the text, without grouping.
  package static func fixed(_ value: Double, decimals: Int) -> String {
    precondition((0...9).contains(decimals), "\(decimals) decimals")
    if value.isNaN { return "-" }
    if value.isInfinite { return value < 0 ? "-inf" : "inf" }
    let magnitude = abs(value)
    // Beyond 2^53 there are no fractions; beyond 1e18 the digits say nothing.
    if magnitude >= 1e18 { return "\(value)" }
    let scale = (0..<decimals).reduce(1.0) { scale, _ in scale * 10 }
    var whole = UInt64(magnitude)
    let product = (magnitude - Double(whole)) * scale
    // The product is rounded itself: at a half, its exact remainder decides.
    let remainder = (-product).addingProduct(magnitude - Double(whole), scale)
    var part = UInt64(product)
    let fraction = product - Double(part)
    if fraction > 0.5 || (fraction == 0.5 && remainder >= 0) { part += 1 }
    if part == UInt64(scale) {
      whole += 1
      part = 0
    }
    let sign = value < 0 && (whole > 0 || part > 0) ? "-" : ""
    if decimals == 0 { return "\(sign)\(whole)" }
    let digits = String(part)
    return "\(sign)\(whole).\(String(repeating: "0", count: decimals - digits.count))\(digits)"
  }

  /// "1 epoch", "2 epochs".
  package static func count(_ count: Int, _ noun: String, _ plural: String? = nil) -> String {
    count == 1 ? "1 \(noun)" : "\(count) \(plural ?? noun + "s")"
  }

  /// Bytes in decimal units with one decimal: "999 B", "1.0 KB", "12.3 MB", "4.0 GB".
  package static func bytes(_ count: Int) -> String {
    if abs(Double(count)) < 1000 { return "\(count) B" }
    var value = Double(count)
    for unit in ["KB", "MB", "GB"] {
      value /= 1000
      // 999.95 would be written as 1000.0.
      if abs(value) < 999.95 { return fixed(value, decimals: 1) + " " + unit }
    }
    return fixed(value / 1000, decimals: 1) + " TB"
  }

  /// A length of time, to the second: "0:07", "12:34", "1:02:03". What is negative or not finite is "-".
  package static func duration(seconds: Double) -> String {
    guard seconds >= 0, seconds < 1e15 else { return "-" }
    let total = Int(seconds.rounded())
    let (hours, minutes) = (total / 3600, total / 60 % 60)
    let tail = twoDigits(total % 60)
    return hours > 0 ? "\(hours):\(twoDigits(minutes)):\(tail)" : "\(minutes):\(tail)"
  }

  /// A fraction as a percentage with two decimals: `percent(0.79684)` is "79.68 %"; `nil` and not a number are "-".
  package static func percent(_ fraction: Double?) -> String {
    guard let fraction, !fraction.isNaN else { return "-" }
    return fixed(fraction * 100, decimals: 2) + " %"
  }

  /// Text from elsewhere in at most so many columns of one line, runs of spaces as one.
  package static func shortened(_ text: String, to columns: Int) -> String {
    let line = singleLine(text.split(whereSeparator: \.isWhitespace).joined(separator: " "))
    return DisplayWidth.columns(line) > columns ? DisplayWidth.prefix(line, columns: columns - 1) + "…" : line
  }

  /// Text from elsewhere for one line of a terminal: control characters, which could move the cursor or start a line of
  /// their own, are written as escapes (`\n`, `\u{1b}`).
  package static func singleLine(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isControl) else { return text }
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where isControl(scalar): result += "\\u{\(String(scalar.value, radix: 16))}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// C0, DEL, C1, and the line and paragraph separators.
  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value) || (0x2028...0x2029).contains(scalar.value)
  }

  private static func twoDigits(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
