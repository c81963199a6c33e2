import Transport

/// How the work is divided between edge and cloud.
package enum Strategy: String, Codable, CaseIterable, Sendable {
  /// The edge trains through its exit, the cloud trains the rest from the features; nothing comes back.
  case hierarchical
  /// Classic split learning: the edge sends features, the cloud sends back the gradient of the loss with respect to
  /// them, one batch at a time.
  case split
  /// The edge sends every image in every epoch; the cloud trains the whole network.
  case cloudStream = "cloud-stream"
  /// The edge sends every image once; the cloud keeps them and trains the whole network.
  case cloudUploadOnce = "cloud-upload-once"
  /// The edge trains the whole network; there is no cloud.
  case edgeOnly = "edge-only"

  /// What goes over the link; the one of `edge-only` is never used.
  package var exchange: Exchange {
    switch self {
    case .hierarchical, .edgeOnly: .activations
    case .split: .gradients
    case .cloudStream: .images
    case .cloudUploadOnce: .upload
    }
  }

  /// Whether neither side can go on without the other, so that both go on with a run from the same record.
  package var isInLockStep: Bool { exchange == .gradients }

  /// Whether there are two parts of the network, on two machines.
  package var isCut: Bool {
    switch self {
    case .hierarchical, .split: true
    case .cloudStream, .cloudUploadOnce, .edgeOnly: false
    }
  }

  /// Whether the front trains through an early exit.
  package var hasExit: Bool {
    switch self {
    case .hierarchical: true
    case .split, .cloudStream, .cloudUploadOnce, .edgeOnly: false
    }
  }

  /// Whether the edge trains a part of the network.
  package var trainsOnEdge: Bool { isCut || !needsCloud }

  /// Whether what the edge sends depends on nothing that comes back, so that it can train without a cloud.
  package var canBeOffline: Bool { hasExit || !needsCloud }

  /// Whether a cloud takes part.
  package var needsCloud: Bool {
    switch self {
    case .hierarchical, .split, .cloudStream, .cloudUploadOnce: true
    case .edgeOnly: false
    }
  }

  /// Whether the number of batches on their way can be chosen.
  package var hasWindow: Bool {
    switch self {
    case .hierarchical, .cloudStream, .cloudUploadOnce: true
    case .split, .edgeOnly: false
    }
  }
}

extension RunConfiguration {
  /// The same run, with what means nothing for its strategy at fixed values: so that equal runs have equal
  /// configurations, and a network that is not cut has the layers of the architecture and no others.
  package func canonical() -> RunConfiguration {
    var configuration = self
    if !strategy.hasExit { configuration.network.exitHead = .pool }
    if !strategy.isCut {
      configuration.network.cut = 1
      configuration.network.bottleneck = nil
      configuration.activations = .exact
    }
    if !strategy.hasWindow { configuration.window = 1 }
    if !strategy.needsCloud { configuration.link = .none }
    return configuration
  }
}
