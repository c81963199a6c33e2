/// Which of the two machines.
package enum Role: String, Codable, Sendable, CustomStringConvertible {
  case edge
  case cloud

  /// The other one.
  package var peer: Role { self == .edge ? .cloud : .edge }
  package var description: String { rawValue }
}
