extension RunProgress.Settings {
  /// The cloud that this side starts, if that is the one it trains with: one that was started before is remembered.
  package var startedCloud: RunProgress.Local? { cloud == nil ? local : nil }

  /// Goes on with a cloud at an address.
  package mutating func use(cloud: String) {
    // One that was started here could not come back.
    if startedCloud != nil { reconnectFor = command?.reconnectFor }
    self.cloud = cloud
    command?.cloud = cloud
    command?.local = nil
    command?.offline = nil
  }

  /// Goes on with a cloud that is started here: with the one from before, if there was one.
  package mutating func useStartedCloud() {
    cloud = nil
    local = local ?? RunProgress.Local(directory: nil, oneCoreEach: false)
    reconnectFor = 0
    // The connection stays within this machine.
    trust?.encryption = .automatic
    trust?.authority = nil
    guard var command else { return }
    command.local = true
    (command.cloud, command.offline, command.wait, command.tls, command.sendWeights) = (nil, nil, nil, nil, nil)
    (command.tlsCertificate, command.tlsKey, command.tlsAuthority) = (nil, nil, nil)
    self.command = command
  }
}
