import Compute
import Datasets
import NeuralNetwork
import Platform
import Transport

/// A trained network in evaluation mode, from the files of both sides, or of the one that holds the whole network.
package final class Predictor {
  /// What the files say about themselves.
  package let metadata: WeightsFile.Metadata
  /// From the image to the features at the cut; the whole network if it is not cut.
  private let front: Sequential
  private let exit: Sequential?
  private let rest: (layers: Sequential, codec: ActivationCodec)?
  /// Where the network is cut; nil if it is whole.
  private let cutShape: FeatureShape?
  /// Images of a batch.
  package let batchSize: Int

  /// Loads the weights.
  ///
  /// - Parameters:
  ///   - edge: path of an edge.safetensors; nil if the cloud's file holds the whole network.
  ///   - cloud: path of the cloud.safetensors of the same run and epoch; nil for the exit alone, or if the edge's file
  ///     holds the whole network.
  ///   - batchSize: images of a batch; nil for as many as in the run. Quantization scales belong to a batch, so logits
  ///     of the rest depend on it.
  ///   - compute: how the layers compute.
  /// - Throws: `SafetensorsError`, `WeightsFileError`.
  package init(edge: String?, cloud: String?, batchSize: Int?, compute: ComputeSettings) throws {
    let edgeFile = try edge.map { try WeightsFile.Reader(path: $0, role: .edge) }
    let cloudFile = try cloud.map { try WeightsFile.Reader(path: $0, role: .cloud) }
    if let edgeFile { try cloudFile?.requireSameRun(as: edgeFile) }
    guard let path = edge ?? cloud, let metadata = edgeFile?.metadata ?? cloudFile?.metadata else {
      preconditionFailure("no file of weights")
    }
    self.metadata = metadata
    let batchSize = batchSize ?? metadata.configuration.batchSize
    precondition(batchSize >= 1, "batches of \(batchSize) images")
    self.batchSize = batchSize
    let strategy = metadata.configuration.strategy
    let network: SplitNetwork
    do { network = try SplitNetwork(metadata.configuration.network) } catch let error as ShapeError {
      throw WeightsFileError.metadata(
        path: path, field: "configuration", expected: "a network that can be built", actual: "\(error)")
    }

    if strategy.isCut {
      guard let edgeFile else {
        throw WeightsFileError.incomplete(
          path: path, holds: "the rest of a network", hint: "give --edge-weights of the same run, too")
      }
      guard strategy.hasExit || cloudFile != nil else {
        throw WeightsFileError.incomplete(
          path: path, holds: "the front of a network without an early exit",
          hint: "give --cloud-weights of the same run, too")
      }
      front = network.front
      exit = strategy.hasExit ? network.exit : nil
      try edgeFile.load([network.front] + (exit.map { [$0] } ?? []))
      try cloudFile?.load([network.rest])
      let codec = ActivationCodec(format: metadata.configuration.activations)
      rest = cloudFile == nil ? nil : (network.rest, codec)
      cutShape = network.cutShape
    } else {
      front = Sequential(network.front.layers + network.rest.layers)
      try (edgeFile ?? cloudFile)?.load([front])
      (exit, rest, cutShape) = (nil, nil, nil)
    }
    let context = try ComputeContext(compute)
    try front.prepare(for: metadata.configuration.task.shape, maximumCount: batchSize, context: context)
    try exit?.prepare(for: network.cutShape, maximumCount: batchSize, context: context)
    try rest?.layers.prepare(for: network.cutShape, maximumCount: batchSize, context: context)
  }

  /// Classifies all images, in order, not augmented.
  ///
  /// - Parameters:
  ///   - images: at least one.
  ///   - keepingFeatures: whether the features at the cut, before quantization, are wanted too; a whole network has
  ///     none.
  ///   - interruption: looked at between two batches.
  ///   - classified: told after each batch how many images are.
  /// - Returns: logits and labels of all images.
  /// - Throws: `ConfigurationError` for images of another task, `DatasetError`, `CodecError.nonFinite`,
  ///   `InterruptedError`.
  package func predict(
    _ images: any LabeledImages, keepingFeatures: Bool = false, interruption: Interruption,
    classified: (_ count: Int) -> Void = { _ in }
  ) throws -> Predictions {
    let task = metadata.configuration.task
    try task.requireClasses(of: images.task, "the weights")
    let images = images.normalized(as: task)
    let loader = try BatchLoader(.evaluation(images, batchSize: batchSize), prefetch: 1)
    var predictions = Predictions(
      classes: task.classes, withExit: exit != nil, withFinal: rest != nil || cutShape == nil,
      featureShape: keepingFeatures ? cutShape : nil)
    loader.startEpoch(0)
    while let batch = try loader.next() {
      if interruption.isRequested { throw InterruptedError() }
      try predict(batch, into: &predictions)
      classified(predictions.labels.count)
    }
    return predictions
  }

  private func predict(_ batch: Datasets.Batch, into predictions: inout Predictions) throws {
    let features = front.forward(batch.images, training: false)
    predictions.labels += batch.labels
    guard cutShape != nil else {
      predictions.finalLogits? += features.buffer
      return
    }
    if let exit { predictions.exitLogits? += exit.forward(features, training: false).buffer }
    predictions.features?.values += features.buffer
    guard let (layers, codec) = rest else { return }
    // The exit has read the features; from here on they are what the cloud decodes.
    try codec.quantizeInPlace(features.data, shape: features.activationShape)
    predictions.finalLogits? += layers.forward(features, training: false).buffer
  }
}
