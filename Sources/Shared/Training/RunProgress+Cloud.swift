extension RunProgress.Settings {
  /// The cloud that this side starts, if that is the one it trains with: one that was started before is remembered.
  package var startedCloud: RunProgress.Local? { cloud == nil ? local : nil }

  /// Goes on with a cloud at an address.
  package mutating func use(cloud: String) {
    // One that was started here could not come back.
    if startedCloud != nil { reconnectFor = command?.reconnectFor }
    self.cloud = cloud
    guard var command else { return }
    command.cloud = cloud
    (command.local, command.oneCoreEach, command.cloudRunDir, command.offline) = (nil, nil, nil, nil)
    self.command = command
  }

  /// Goes on with a cloud that is started here: with the one from before, if there was one.
  package mutating func useStartedCloud() {
    cloud = nil
    let local = self.local ?? RunProgress.Local(directory: nil, oneCoreEach: false, initialWeights: unusedWeights)
    self.local = local
    reconnectFor = 0
    // The connection stays within this machine.
    trust?.encryption = .automatic
    trust?.authority = nil
    guard var command else { return }
    command.local = true
    (command.oneCoreEach, command.cloudRunDir) = (local.oneCoreEach ? true : nil, local.directory)
    (command.cloud, command.offline, command.wait, command.tls, command.sendWeights) = (nil, nil, nil, nil, nil)
    (command.tlsCertificate, command.tlsKey, command.tlsAuthority) = (nil, nil, nil)
    self.command = command
  }

  /// The files of weights of a run that has met no cloud yet, and will not send it its part: one that is started here
  /// reads them, too.
  private var unusedWeights: [String]? {
    guard let command, command.offline == true, command.sendWeights != true else { return nil }
    return command.initialWeights?.split(separator: ",").map(String.init)
  }
}
