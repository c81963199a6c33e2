import ArgumentParser

/// A number of bytes as an option's value: "300MB", "1.5GiB", "4096".
package struct ByteSize: ExpressibleByArgument, Equatable, Sendable {
  package let bytes: Int

  private static let units: [(name: String, factor: Double)] = [
    ("", 1), ("b", 1), ("kb", 1e3), ("mb", 1e6), ("gb", 1e9), ("kib", 1024), ("mib", 1_048_576),
    ("gib", 1_073_741_824),
  ]

  package init?(argument: String) {
    let digits = argument.prefix { $0 == "." || ("0"..."9").contains($0) }
    let name = argument.dropFirst(digits.count).lowercased()
    guard digits.utf8.count <= 30, let number = Double(digits),
      let unit = Self.units.first(where: { $0.name == name }), number * unit.factor <= 1e15
    else { return nil }
    bytes = Int((number * unit.factor).rounded())
  }
}

/// Numbers as an option's value, separated by commas: "1,2,3".
package struct NumberList: ExpressibleByArgument, Equatable, Sendable {
  package let numbers: [Int]

  package init(_ numbers: [Int]) { self.numbers = numbers }

  package init?(argument: String) {
    let pieces = argument.split(separator: ",", omittingEmptySubsequences: false)
    let numbers = pieces.compactMap { Int($0) }
    guard numbers.count == pieces.count else { return nil }
    self.numbers = numbers
  }

  package var defaultValueDescription: String { numbers.map(String.init).joined(separator: ",") }

  /// The first number that is in the list twice.
  package var repeated: Int? {
    numbers.enumerated().first { numbers[..<$0.offset].contains($0.element) }?.element
  }
}
