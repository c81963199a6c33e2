import ArgumentParser
import Platform
import Training
import Trust

/// Where the keys are.
package struct StateOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      Directory of this user's key, and of those that are trusted. (default: \
      $XDG_STATE_HOME/hierarchical-trainer, else ~/.local/state/hierarchical-trainer)
      """, valueName: "dir"), completion: .directory)
  package var stateDir: String?

  package init() {}

  package func validate() throws {
    if stateDir == "" { throw ValidationError("--state-dir is empty: expected a directory") }
  }

  /// Makes sure that a directory that was named is there.
  ///
  /// - Throws: `ValidationError`.
  package func requireDirectory() throws {
    if let stateDir, access(stateDir, F_OK) != 0 {
      throw ValidationError("--state-dir \(stateDir): there is no such directory")
    }
  }

  /// - Throws: `TrustError.noStateDirectory`.
  package var state: StateDirectory { get throws { try settings.state } }

  package var settings: TrustSettings {
    var settings = TrustSettings()
    // Whoever resumes a run may be elsewhere.
    settings.stateDirectory = stateDir.map(AbsolutePath.of)
    return settings
  }
}

/// What both programs ask about who may read and speak.
package struct TrustOptions: ParsableArguments {
  @Flag(help: "Encrypt within this machine, too.")
  package var tls = false

  @Flag(help: "Plain text between machines, if the other side says so, too: all in between can read and change it.")
  package var insecure = false

  @Option(
    help: ArgumentHelp(
      "This side's certificate, of an authority of your own, in PEM; with the two below, instead of keys and invitations.",
      valueName: "file"), completion: .file())
  package var tlsCertificate: String?

  @Option(help: ArgumentHelp("The certificate's key.", valueName: "file"), completion: .file())
  package var tlsKey: String?

  @Option(
    help: ArgumentHelp("Certificates of the authority that signs the other side's.", valueName: "file"),
    completion: .file())
  package var tlsAuthority: String?

  @OptionGroup package var state: StateOption

  package init() {}

  package func validate() throws {
    if tls && insecure { throw ValidationError("--tls and --insecure exclude each other") }
    let files = [("--tls-certificate", tlsCertificate), ("--tls-key", tlsKey), ("--tls-authority", tlsAuthority)]
    for (option, file) in files where file == "" { throw ValidationError("\(option) is empty: expected a file") }
    let given = files.filter { $0.1 != nil }.map(\.0)
    guard given.isEmpty || given.count == files.count else {
      let missing = files.filter { $0.1 == nil }.map(\.0)
      throw ValidationError("\(given.joined(separator: " and ")) without \(missing.joined(separator: " and "))")
    }
    if insecure, let option = given.first { throw ValidationError("\(option) and --insecure exclude each other") }
  }

  package var settings: TrustSettings {
    var settings = state.settings
    settings.encryption = tls ? .always : insecure ? .never : .automatic
    if let tlsCertificate, let tlsKey, let tlsAuthority {
      settings.authority = AuthorityFiles(
        certificate: AbsolutePath.of(tlsCertificate), key: AbsolutePath.of(tlsKey),
        authority: AbsolutePath.of(tlsAuthority))
    }
    return settings
  }

  /// What was said here, over what was said before.
  package func settings(over before: TrustSettings?) -> TrustSettings? {
    guard var settings = before else { return self.settings }
    let given = self.settings
    if given.encryption != .automatic || given.authority != nil {
      (settings.encryption, settings.authority) = (given.encryption, given.authority)
    }
    settings.stateDirectory = given.stateDirectory ?? settings.stateDirectory
    return settings
  }
}
