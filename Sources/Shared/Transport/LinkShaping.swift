/// How a run's link is held back, alike in both directions: each side paces and delays what it sends.
package struct LinkShaping: Equatable, Sendable {
  /// Bits per second in each direction, frames' headers included, TCP's and IP's not; `nil` for as fast as it goes.
  package var rate: Double?
  /// Seconds that each byte takes longer, one way.
  package var delay: Double

  /// The link as it is.
  package static let none = LinkShaping()

  /// Bits per second that can be asked for.
  package static let rates = 1e3...1e11
  /// Seconds that can be asked for.
  package static let delays = 0.0...10.0

  package init(rate: Double? = nil, delay: Double = 0) {
    self.rate = rate
    self.delay = delay
  }
}

extension LinkShaping: CustomStringConvertible {
  /// "1.1 Mbit/s, 50 ms of delay each way".
  package var description: String {
    var parts: [String] = []
    if let rate {
      let (unit, name) = Self.rateUnits.last { rate >= $0.factor } ?? Self.rateUnits[0]
      parts.append("\(Self.shortest(rate / unit)) \(name)/s")
    }
    if delay > 0 { parts.append("\(Self.shortest(delay * 1000)) ms of delay each way") }
    return parts.isEmpty ? "as fast as it goes" : parts.joined(separator: ", ")
  }

  private static func shortest(_ value: Double) -> String {
    let text = "\((value * 1e6).rounded() / 1e6)"
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }
}

// MARK: As people write it

extension LinkShaping {
  /// Rates that have a name, in bits per second: uplinks of the paper (arXiv 2303.02384), measured ones.
  package static let presets: [(name: String, rate: Double)] = [
    ("cat1", 0.13e6), ("3g", 1.1e6), ("4g", 5.85e6), ("wifi", 18.88e6),
  ]

  private static let rateUnits: [(factor: Double, name: String)] = [
    (1, "bit"), (1e3, "kbit"), (1e6, "Mbit"), (1e9, "Gbit"),
  ]
  private static let delayUnits: [(factor: Double, name: String)] = [(1e-3, "ms"), (1, "s")]

  /// Reads a rate: "1.1Mbit" (per second), or the name of a preset, whose case does not matter.
  ///
  /// - Returns: bits per second.
  /// - Throws: `LinkShapingError` for another form, and for a rate out of range.
  package static func rate(parsing text: String) throws(LinkShapingError) -> Double {
    if let preset = presets.first(where: { $0.name == text.lowercased() }) { return preset.rate }
    let names = presets.map(\.name).joined(separator: ", ")
    guard let rate = quantity(text, rateUnits) else {
      throw LinkShapingError(
        "link rate \"\(text)\" is not a number with bit, kbit, Mbit or Gbit (a second), nor one of \(names)")
    }
    guard rates.contains(rate) else { throw LinkShapingError("link rate \(text) is out of range: 1kbit to 100Gbit") }
    return rate
  }

  /// Reads a delay: "50ms" or "0.05s".
  ///
  /// - Returns: seconds.
  /// - Throws: `LinkShapingError` for another form, and for a delay out of range.
  package static func delay(parsing text: String) throws(LinkShapingError) -> Double {
    guard let delay = quantity(text, delayUnits) else {
      throw LinkShapingError("link delay \"\(text)\" is not a number with ms or s")
    }
    guard delays.contains(delay) else { throw LinkShapingError("link delay \(text) is out of range: 0ms to 10s") }
    return delay
  }

  /// A decimal number directly followed by a unit, whose case does not matter.
  private static func quantity(_ text: String, _ units: [(factor: Double, name: String)]) -> Double? {
    let digits = text.prefix { $0 == "." || ("0"..."9").contains($0) }
    let name = text.dropFirst(digits.count).lowercased()
    guard digits.utf8.count <= 30, let number = Double(digits),
      let unit = units.first(where: { $0.name.lowercased() == name })
    else { return nil }
    return number * unit.factor
  }
}

/// A text that is no rate or no delay of a link.
package struct LinkShapingError: Error, Equatable, CustomStringConvertible {
  package let description: String
  init(_ description: String) { self.description = description }
}
