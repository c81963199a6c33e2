import ArgumentParser
import CommandLineSupport
import Platform
import Training
import Transport
import Trust

struct Join: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Join a cloud with the line that 'cloud-trainer invite' has printed there.",
    discussion: """
      Makes this edge and that cloud know each other by their keys; cloud-trainer has
      to run there. From then on 'train --cloud host:port' is encrypted, and goes to
      that cloud only. An invitation works once.
      """)

  @Argument(help: ArgumentHelp("The invitation: address/fingerprint/secret.", valueName: "line"))
  var invitation: String

  @Option(help: ArgumentHelp("Where the cloud is, if not where the line says.", valueName: "host:port"))
  var cloud: String?

  @Option(
    help: ArgumentHelp(
      "How this edge is called in the cloud's log and list. (default: this machine's name)", valueName: "name"))
  var name: String?

  @Option(help: ArgumentHelp("Give up after so many seconds.", valueName: "s"))
  var timeout = Seconds(60)

  @OptionGroup var state: StateOption

  func validate() throws {
    try Program.checkingUsage { _ = try Invitation(parsing: invitation) }
    _ = try cloud.map(LinkOptions.endpoint)
    if let name, !JoinExchange.isName(name) {
      throw ValidationError(
        "--name \(name.debugDescription): expected 1 to \(JoinExchange.maximumNameByteCount) printable ASCII characters"
      )
    }
    guard (0.1...86_400).contains(timeout.value) else {
      throw ValidationError("--timeout \(timeout) is out of range: 0.1 to 86400 seconds")
    }
  }

  func run() throws {
    try Program.run(.edge, computes: false) { interruption, logger in
      let invitation = try Invitation(parsing: invitation)
      let cancellation = try Cancellation()
      let token = interruption.add { cancellation.cancel() }
      defer { interruption.remove(token) }
      let endpoint = try cloud.map(LinkOptions.endpoint) ?? invitation.cloud
      let joined: KnownKey
      do {
        joined = try EdgeTrust(state.settings).join(
          invitation, at: endpoint, name: name ?? NetworkAddresses.hostName(), timeout: timeout.value,
          cancellation: cancellation)
      } catch { throw interruption.verdict(on: error) }
      if let own = try state.state.storedFingerprint() { logger.info("the key of this edge: \(own)") }
      try Program.printLine("joined \(endpoint), key \(joined.fingerprint)")
    }
  }
}
