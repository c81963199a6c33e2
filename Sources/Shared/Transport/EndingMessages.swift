/// The sender sends nothing more, for a good reason.
package struct Goodbye: Codable, Equatable, Sendable {
  package enum Reason: String, Codable, CaseIterable, Sendable {
    /// The run is complete. Only the edge says so.
    case completed
    /// A person has stopped the program.
    case interrupted
  }

  package let reason: Reason

  package init(reason: Reason) { self.reason = reason }
}

/// The sender ends with an error.
package struct Failure: PeerNamingError, Codable, Equatable {
  /// A short name for programs, such as `"non-finite-loss"`.
  package let code: String
  /// For people.
  package let reason: String

  package init(code: String, reason: String) {
    self.code = PayloadCheck.printable(code, limit: 64)
    self.reason = PayloadCheck.printable(reason)
  }

  package func description(peer: String) -> String { "\(peer) failed (\(code)): \(reason)" }
}
