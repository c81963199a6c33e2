import Logging
import Platform
import RunFiles
import Training
import Transport
import Trust

/// A run's way to its cloud, as often as it is needed.
struct EdgeDialer: Sendable {
  let cloud: Endpoint
  let trust: TrustSettings
  let run: RunIdentifier
  let configuration: RunConfiguration
  /// With what a cloud that has nothing of the run begins; nil for what it has, or the seed makes.
  let weights: SentWeights?
  let timeout: Double
  let timeline: Timeline?
  let interruption: Interruption
  let operations: SocketOperations
  let logger: Logger
  /// Whether the cloud was spoken to inside TLS: it is not asked again whether it wants that.
  private let isEncrypted = Guarded(false)

  /// Connects and says hello.
  ///
  /// - Parameter offer: where the run can go on; nil for one that ends with its connection.
  /// - Throws: as `EdgeConnector.connect`.
  func dial(_ offer: ResumeOffer?) throws -> (connection: FramedConnection, welcome: Welcome) {
    let hello = try Hello(
      runID: "\(run)", window: configuration.window, exchange: configuration.strategy.exchange, resume: offer,
      weights: weights?.offer, timeoutSeconds: timeout, configuration: configuration)
    let maximumFrameBytes = max(FrameHeader.defaultMaximumFrameBytes, try configuration.largestFrameBytes())
    var trust = trust
    if isEncrypted.withLock({ $0 }) { trust.encryption = .always }
    let (connection, greeting) = try EdgeConnector.connect(
      cloud, trust, hello, weights: weights, link: configuration.link, maximumFrameBytes: maximumFrameBytes,
      timeout: timeout, interruption: interruption, operations: operations, logger: logger)
    if greeting.isEncrypted { isEncrypted.withLock { $0 = true } }
    if let clock = greeting.welcome.clock {
      timeline?.note(
        Timeline.ClockOffset(
          helloSent: greeting.helloSent, helloReceived: clock.helloReceived, welcomeSent: clock.welcomeSent,
          welcomeReceived: greeting.welcomeReceived))
    }
    return (connection, greeting.welcome)
  }
}
