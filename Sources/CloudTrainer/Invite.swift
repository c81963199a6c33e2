import ArgumentParser
import CommandLineSupport
import Logging
import Platform
import Training
import Transport
import Trust

struct Invite: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Let one edge in: print a line that it joins with.",
    discussion: """
      The line holds this cloud's address, the fingerprint of its key, and a secret
      that works once. Give it to one edge, in a way that nobody else sees, and call
      there: edge-trainer join LINE. cloud-trainer has to run then. From then on both
      sides know each other by their keys. If no cloud with this key answers at the
      address, the line is printed all the same, with a warning.
      """)

  @Option(help: ArgumentHelp("For how long: a number with s, m, h or d.", valueName: "time"))
  var valid = "10m"

  @Option(
    help: ArgumentHelp(
      "Where the edge reaches this cloud. (default: this machine's first address in a network, port \(Self.defaultPort))",
      valueName: "host:port"))
  var address: String?

  @OptionGroup var state: StateOption

  private static let lookSeconds = 2.0
  private static let defaultPort: UInt16 = 7070
  private static let units: [(name: String, seconds: Double)] = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)]

  func validate() throws {
    _ = try seconds()
    _ = try address.map(endpoint)
  }

  private func endpoint(_ text: String) throws -> Endpoint {
    do {
      let endpoint = try Endpoint(parsing: text)
      guard endpoint.port != 0 else { throw ValidationError("--address \(text): port 0 is no port to connect to") }
      guard !["0.0.0.0", "::"].contains(endpoint.host) else {
        throw ValidationError(
          "--address \(text): expected one address that the edge can reach, not all of this machine")
      }
      return endpoint
    } catch let error as EndpointError { throw ValidationError("--address \(error)") }
  }

  private func seconds() throws -> Double {
    let unit = Self.units.first { valid.hasSuffix($0.name) }
    guard let unit, let number = Double(valid.dropLast()), (1...30 * 86_400).contains(number * unit.seconds) else {
      throw ValidationError("--valid \(valid): expected a number with s, m, h or d, 1s to 30d")
    }
    return number * unit.seconds
  }

  /// Looks whether the edge will find this cloud there. It may, where this machine does not: so it is a warning.
  private func warn(of invitation: Invitation, _ interruption: Interruption, _ logger: Logger) throws {
    let cancellation = try Cancellation()
    let token = interruption.add { cancellation.cancel() }
    defer { interruption.remove(token) }
    do { try EdgeTrust.check(invitation, timeout: Self.lookSeconds, cancellation: cancellation) } catch {
      if interruption.isRequested { throw InterruptedError() }
      let problem =
        switch error {
        case is TrustError:
          """
          at \(invitation.cloud) is a cloud with another key: this command has to be called by the user, and with the \
          --state-dir, of the cloud-trainer that runs there, and not for one that trusts an authority
          """
        case ConnectionError.cannotConnect(_, let reason):
          """
          no cloud is found at \(invitation.cloud) (\(reason)): start cloud-trainer, with a --listen that others reach, \
          or say --address
          """
        default: "at \(invitation.cloud) no cloud answers as it should: \(Role.edge.text(of: error))"
        }
      logger.warning("\(problem)")
    }
  }

  func run() throws {
    try Program.run(.cloud, computes: false) { interruption, logger in
      let own = Endpoint(host: NetworkAddresses.first() ?? "127.0.0.1", port: Self.defaultPort)
      let cloud = try address.map(endpoint) ?? own
      let invitation = try Invitations(state.state).invite(to: cloud, validFor: seconds())
      try warn(of: invitation, interruption, logger)
      logger.info("valid for \(valid), for one edge that reaches this cloud at \(cloud) (else: --address)")
      logger.info("there: edge-trainer join '\(invitation)'")
      try Program.printLine("\(invitation)")
    }
  }
}
