import CommandLineSupport

@testable import RunFiles
@testable import Terminal
@testable import Transport

extension FuzzTarget {
  /// What people write: one of the kinds of values, and the text.
  static let commandLine = FuzzTarget(
    "command-line",
    words: [
      "cat1", "3g", "wifi", "bit", "kbit", "Mbit", "Gbit", "ms", "s", "kb", "MB", "GiB", "[::1]", ":7070", "65535",
      "1e9", "0.5", ".spool", "9223372036854775807", "inf", "nan",
    ]
  ) {
    [
      "cloud.example.org:7070", "192.0.2.7:0", "[2001:db8::7]:65535", "1.1Mbit", "wifi", "100Gbit", "50ms", "0.05s",
      "300MB", "1.5GiB", "4096", "1,2,3", "-1,9", "60", "1e3", "20261123-081502-3f9a1c", "0000000000000000001.spool",
    ].flatMap { text in (0..<8).map { [UInt8($0)] + Array(text.utf8) } }
  } run: { input in
    var input = FuzzInput(input)
    let kind = input.byte() % 8
    let text = String(decoding: input.rest(), as: UTF8.self)
    switch kind {
    case 0:
      do {
        let endpoint = try Endpoint(parsing: text)
        let again = try Endpoint(parsing: endpoint.description)
        try require(again == endpoint, "\(endpoint) comes back as \(again)")
      } catch let error as EndpointError { _ = error.description }
    case 1:
      do {
        let rate = try LinkShaping.rate(parsing: text)
        try require(LinkShaping.rates.contains(rate), "a rate of \(rate)")
        _ = LinkShaping(rate: rate).description
      } catch let error as LinkShapingError { _ = error.description }
    case 2:
      do {
        let delay = try LinkShaping.delay(parsing: text)
        try require(LinkShaping.delays.contains(delay), "a delay of \(delay)")
        _ = LinkShaping(delay: delay).description
      } catch let error as LinkShapingError { _ = error.description }
    case 3:
      guard let size = ByteSize(argument: text) else { return }
      try require((0...1_000_000_000_000_000).contains(size.bytes), "\(size)")
      try require(ByteSize(argument: "\(size.bytes)") == size, "\(size)")
      _ = (Quantity.rendered(size.bytes), Formatting.bytes(size.bytes))
    case 4:
      guard let list = NumberList(argument: text) else { return }
      try require(NumberList(argument: list.defaultValueDescription) == list, "\(list)")
      _ = list.repeated
    case 5: _ = Seconds(argument: text)?.description
    case 6:
      guard let run = try? RunIdentifier(validating: text) else { return }
      try require(run.description == text && !text.contains("/") && !text.hasPrefix("."), "a path: \(text)")
    default:
      guard let first = SpoolFormat.first(fileName: text) else { return }
      try require(SpoolFormat.fileName(first: first) == text, "\(text) is another file")
    }
  }
}
