/// What a run would take, from what one batch takes: see docs/runtime-model.md.
struct RuntimeModel: Equatable, Sendable {
  /// Batches of an epoch; the last one, if it is smaller, counts as the part that it is.
  var batches: Double
  var link: LinkSpeed
  /// Batches that may be on their way.
  var window: Int

  /// What decides the time of an epoch.
  enum Bound: String, Codable, Sendable {
    case edge
    case link
    case cloud
    /// More batches on their way would help.
    case window
    /// Edge, link and cloud wait for each other.
    case lockStep = "lock-step"
  }

  /// Seconds of training in an epoch.
  struct Prediction: Equatable, Sendable {
    /// In which each is busy.
    var edge: Double
    var link: Double
    var cloud: Double
    /// From the first batch to the last acknowledgement.
    var epoch: Double
    /// Before the first epoch.
    var upload = 0.0
    var bound: Bound

    /// Seconds per epoch of a run of so many, with its share of what comes before them.
    func mean(overEpochs epochs: Int) -> Double { epoch + upload / Double(epochs) }
  }

  /// Edge, link and cloud work at the same time, each on another batch: the slowest decides, and the others add what
  /// the first batch takes to get through, or the last.
  ///
  /// - Parameters:
  ///   - edge: of one batch; what is sent is there after `forwardSeconds`.
  ///   - encoding: of its `encodings`.
  ///   - cloud: of one batch.
  func pipelined(_ edge: EdgeTimes, _ encoding: EdgeTimes.Encoding, _ cloud: CloudTimes) -> Prediction {
    let ready = edge.forwardSeconds + encoding.seconds
    let edgeStep = ready + edge.backwardSeconds
    let linkStep = Double(encoding.frameBytes) / link.upBytesPerSecond
    let cloudStep = cloud.stepSeconds
    // By Little's law: so many batches in the time that one is on its way.
    let windowStep = (encoding.seconds + linkStep + cloudStep + link.roundTripSeconds) / Double(window)
    let step = max(edgeStep, linkStep, cloudStep, windowStep)
    let through = ready + linkStep + cloudStep + link.roundTripSeconds
    let bound: Bound =
      switch step {
      case edgeStep: .edge
      case linkStep: .link
      case cloudStep: .cloud
      default: .window
      }
    return Prediction(
      edge: batches * edgeStep, link: batches * linkStep, cloud: batches * cloudStep,
      epoch: max(batches * edgeStep, through + max(0, batches - 1) * step), bound: bound)
  }

  /// Edge, link and cloud wait for each other in every step.
  ///
  /// - Parameters:
  ///   - edge: of one batch.
  ///   - encoding: of its `encodings`.
  ///   - cloud: of one batch.
  ///   - gradientBytes: of the frame that comes back.
  func lockStep(_ edge: EdgeTimes, _ encoding: EdgeTimes.Encoding, _ cloud: CloudTimes, gradientBytes: Int)
    -> Prediction
  {
    let up = Double(encoding.frameBytes) / link.upBytesPerSecond
    let down = Double(gradientBytes) / link.downBytesPerSecond
    let ready = edge.forwardSeconds + encoding.seconds
    // When the gradient has been sent, both sides change their weights at the same time.
    let end = max(edge.backwardSeconds, cloud.stepSeconds - cloud.gradientSeconds)
    let step = ready + up + cloud.gradientSeconds + down + link.roundTripSeconds + end
    return Prediction(
      edge: batches * (ready + edge.backwardSeconds), link: batches * (up + down), cloud: batches * cloud.stepSeconds,
      epoch: batches * step, bound: .lockStep)
  }

  /// All images go up first; then the cloud trains alone.
  ///
  /// - Parameters:
  ///   - uploadBytes: of all frames.
  ///   - cloud: of one batch.
  func uploaded(uploadBytes: Int, _ cloud: CloudTimes) -> Prediction {
    let time = batches * cloud.stepSeconds
    return Prediction(
      edge: 0, link: 0, cloud: time, epoch: time + link.roundTripSeconds,
      upload: Double(uploadBytes) / link.upBytesPerSecond + link.roundTripSeconds, bound: .cloud)
  }

  /// The edge trains alone.
  func alone(_ edge: EdgeTimes) -> Prediction {
    let time = batches * (edge.forwardSeconds + edge.backwardSeconds)
    return Prediction(edge: time, link: 0, cloud: 0, epoch: time, bound: .edge)
  }
}
