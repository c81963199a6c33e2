import Compute
import NeuralNetwork
import Transport

/// What one strategy computes in the cloud, a batch at a time.
protocol CloudWork: AnyObject {
  /// This side's layers.
  var parts: [Sequential] { get }

  /// One step.
  ///
  /// - Parameters:
  ///   - batch: features, or images.
  ///   - step: of the run, from 0.
  ///   - values: of this step.
  /// - Returns: the mean final loss and the hits, from before the step.
  /// - Throws: `TrainingError`, what ended the connection.
  func train(_ batch: CloudInbox.Batch, step: Int, _ values: LearningRateSchedule.Values) throws
    -> SoftmaxCrossEntropy.Result

  /// Loss and hits without training.
  func evaluate(_ batch: CloudInbox.Batch) -> SoftmaxCrossEntropy.Result
}

/// The rest trains on features; nothing goes back.
final class HierarchicalCloud: CloudWork {
  private let model: CloudModel

  /// - Throws: `ShapeError`.
  init(_ configuration: RunConfiguration, compute: ComputeSettings, timeline: Timeline?) throws {
    model = try CloudModel(configuration, compute: compute)
    model.timeline = timeline
  }

  var parts: [Sequential] { [model.network.rest] }

  func train(_ batch: CloudInbox.Batch, step: Int, _ values: LearningRateSchedule.Values)
    -> SoftmaxCrossEntropy.Result
  {
    batch.labels.withUnsafeBufferPointer { model.train(batch.input, labels: $0, values) }
  }

  func evaluate(_ batch: CloudInbox.Batch) -> SoftmaxCrossEntropy.Result {
    batch.labels.withUnsafeBufferPointer { model.evaluate(batch.input, labels: $0) }
  }
}

/// The rest trains on features, and sends back the gradient with respect to them before it changes.
final class SplitCloud: CloudWork {
  private let model: CloudModel
  private let inbox: CloudInbox
  private let codec = ActivationCodec(format: .exact)
  private let timeline: Timeline?

  /// - Throws: `ShapeError`.
  init(_ configuration: RunConfiguration, _ inbox: CloudInbox, compute: ComputeSettings, timeline: Timeline?)
    throws
  {
    self.inbox = inbox
    self.timeline = timeline
    model = try CloudModel(configuration, compute: compute)
    model.timeline = timeline
  }

  var parts: [Sequential] { [model.network.rest] }

  func train(_ batch: CloudInbox.Batch, step: Int, _ values: LearningRateSchedule.Values) throws
    -> SoftmaxCrossEntropy.Result
  {
    try batch.labels.withUnsafeBufferPointer { labels in
      try model.train(batch.input, labels: labels, values) { gradient, result in
        guard result.loss.isFinite else { throw TrainingError.diverged(step: step + 1, loss: result.loss) }
        try send(gradient, sequence: batch.sequence, step: step)
      }
    }
  }

  private func send(_ gradient: Tensor, sequence: UInt64, step: Int) throws {
    var bytes: [UInt8] = []
    do {
      try timeline.measure(.encode) {
        try codec.encode(gradient.data, shape: gradient.activationShape, into: &bytes)
      }
    } catch let error as CodecError {
      guard case .nonFinite = error else { throw error }
      throw TrainingError.nonFiniteGradient(step: step + 1, reason: "\(error)")
    }
    try inbox.send(.gradient(Gradient(sequence: sequence, encoded: bytes)))
  }

  func evaluate(_ batch: CloudInbox.Batch) -> SoftmaxCrossEntropy.Result {
    batch.labels.withUnsafeBufferPointer { model.evaluate(batch.input, labels: $0) }
  }
}

/// The whole network trains on images.
final class WholeCloud: CloudWork {
  private let model: WholeModel

  /// - Throws: `ShapeError`.
  init(_ configuration: RunConfiguration, compute: ComputeSettings, timeline: Timeline?) throws {
    model = try WholeModel(configuration, compute: compute)
    model.timeline = timeline
  }

  var parts: [Sequential] { [model.network] }

  /// Normalized images as a tensor that is valid until the next call.
  func input(_ pixels: UnsafePointer<Float>, count: Int) -> Tensor { model.input(pixels, count: count) }

  func train(_ batch: CloudInbox.Batch, step: Int, _ values: LearningRateSchedule.Values)
    -> SoftmaxCrossEntropy.Result
  {
    batch.labels.withUnsafeBufferPointer { model.train(batch.input, labels: $0, values) }
  }

  func evaluate(_ batch: CloudInbox.Batch) -> SoftmaxCrossEntropy.Result {
    batch.labels.withUnsafeBufferPointer { model.evaluate(batch.input, labels: $0) }
  }
}
