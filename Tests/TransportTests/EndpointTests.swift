import Testing

@testable import Transport

@Suite struct EndpointTests {
  @Test(arguments: [
    ("127.0.0.1:7070", "127.0.0.1", 7070), ("[::1]:7070", "::1", 7070),
    ("cloud.example.org:1", "cloud.example.org", 1),
    ("localhost:0", "localhost", 0), ("[fe80::1%eth0]:65535", "fe80::1%eth0", 65535),
  ])
  func parses(text: String, host: String, port: UInt16) throws {
    let endpoint = try Endpoint(parsing: text)
    #expect(endpoint == Endpoint(host: host, port: port))
    #expect("\(endpoint)" == text)
  }

  @Test(arguments: [
    ("", "the port is missing"),
    ("localhost", "the port is missing"),
    (":7070", "the host is missing"),
    ("::1:7070", "an IPv6 address needs brackets, as in [::1]:7070"),
    ("[::1:7070", "the closing bracket is missing"),
    ("[::1]", "the port is missing"),
    ("[::1]7070", "the port is missing"),
    ("[host]:1", "brackets belong around an IPv6 address only"),
    ("host:", "the port must be a number from 0 to 65535"),
    ("host:65536", "the port must be a number from 0 to 65535"),
    ("host:+80", "the port must be a number from 0 to 65535"),
    ("host:-1", "the port must be a number from 0 to 65535"),
    ("host:７０", "the port must be a number from 0 to 65535"),
    ("http://host:80", "leave out http://"),
    ("[fe80::1]:80", "an address of one link needs its interface, as in [fe80::1%eth0]:7070"),
    ("a b:80", "the host has a character that no host name has"),
    ("a/b:80", "the host has a character that no host name has"),
  ])
  func refuses(text: String, problem: String) {
    #expect(throws: EndpointError(text: text, problem: problem)) { try Endpoint(parsing: text) }
  }
}
