/// A host and a TCP port: `cloud.example.org:7070`, `192.0.2.7:7070`, `[2001:db8::7]:7070`.
package struct Endpoint: Equatable, Hashable, Sendable, CustomStringConvertible {
  /// Host name, IPv4 address, or IPv6 address without brackets.
  package let host: String
  /// 0 asks the system for a free port; meaningful for listening only.
  package let port: UInt16

  package init(host: String, port: UInt16) {
    self.host = host
    self.port = port
  }

  /// Reads `host:port` or `[IPv6 address]:port`.
  ///
  /// - Throws: `EndpointError`.
  package init(parsing text: String) throws(EndpointError) {
    func error(_ problem: String) -> EndpointError { EndpointError(text: text, problem: problem) }
    if let scheme = text.firstRange(of: "://") { throw error("leave out \(text[..<scheme.upperBound])") }
    let host: Substring
    let portText: Substring
    if text.hasPrefix("[") {
      guard let bracket = text.firstIndex(of: "]") else { throw error("the closing bracket is missing") }
      host = text[text.index(after: text.startIndex)..<bracket]
      let rest = text[text.index(after: bracket)...]
      guard rest.hasPrefix(":") else { throw error("the port is missing") }
      guard host.contains(":") else { throw error("brackets belong around an IPv6 address only") }
      portText = rest.dropFirst()
    } else {
      guard let colon = text.lastIndex(of: ":") else { throw error("the port is missing") }
      host = text[..<colon]
      portText = text[text.index(after: colon)...]
      guard !host.contains(":") else { throw error("an IPv6 address needs brackets, as in [::1]:7070") }
    }
    guard !host.isEmpty else { throw error("the host is missing") }
    guard !host.lowercased().hasPrefix("fe80:") || host.contains("%") else {
      throw error("an address of one link needs its interface, as in [fe80::1%eth0]:7070")
    }
    guard host.utf8.count <= 255 else { throw error("the host is longer than 255 bytes") }
    let isPlain = host.utf8.allSatisfy { byte in byte > 0x20 && byte != 0x7f && !"/\\@[]\"'?#".utf8.contains(byte) }
    guard isPlain else { throw error("the host has a character that no host name has") }
    let isNumber = !portText.isEmpty && portText.utf8.allSatisfy { (0x30...0x39).contains($0) }
    guard isNumber, let port = UInt16(portText) else { throw error("the port must be a number from 0 to 65535") }
    self.init(host: String(host), port: port)
  }

  /// Whether that is this machine itself: the name, or an address in numbers.
  package var isLoopback: Bool {
    let mapped = "::ffff:"
    let host = host.hasPrefix(mapped) ? String(host.dropFirst(mapped.count)) : host
    let isAddress =
      host.split(separator: ".").count == 4 && host.utf8.allSatisfy { $0 == 0x2e || (0x30...0x39).contains($0) }
    return host == "::1" || host == "localhost" || (isAddress && host.hasPrefix("127."))
  }

  package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// A text that is no endpoint.
package struct EndpointError: Error, Equatable, CustomStringConvertible {
  package let text: String
  package let problem: String

  package var description: String { "\"\(text)\" is not an address of the form host:port: \(problem)" }
}
