/// An error whose text names the other side of a connection.
package protocol PeerNamingError: Error, CustomStringConvertible {
  /// - Parameter peer: what the other side is called. Words that came from there stay as they are.
  func description(peer: String) -> String
}

extension PeerNamingError { package var description: String { description(peer: "the peer") } }
