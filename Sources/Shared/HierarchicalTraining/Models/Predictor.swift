import Compute
import Datasets
import NeuralNetwork
import Transport

/// A trained network in evaluation mode, from the files of both sides: front and exit, and, if the cloud's file is
/// there, the rest behind the quantization of the wire.
package final class Predictor {
  /// What the files say about themselves.
  package let metadata: Checkpoint.Metadata
  private let network: SplitNetwork
  private let codec: ActivationCodec?
  private let batchSize: Int
  private let images: Tensor

  /// Loads the weights.
  ///
  /// - Parameters:
  ///   - edge: path of an edge.safetensors.
  ///   - cloud: path of the cloud.safetensors of the same run and epoch; nil for the exit alone.
  ///   - batchSize: images of a batch. Quantization scales belong to a batch, so logits of the rest depend on it.
  ///   - threads: at least 1.
  /// - Throws: `SafetensorsError`, `CheckpointError`.
  package init(edge: String, cloud: String?, batchSize: Int, threads: Int) throws {
    precondition(batchSize >= 1, "batches of \(batchSize) images")
    let edgeFile = try Checkpoint.Reader(path: edge, role: .edge)
    let cloudFile = try cloud.map { try Checkpoint.Reader(path: $0, role: .cloud) }
    try cloudFile?.requireSameRun(as: edgeFile)
    metadata = edgeFile.metadata
    do { network = try SplitNetwork(metadata.configuration.network) } catch let error as ShapeError {
      throw CheckpointError.metadata(
        path: edge, field: "configuration", expected: "a network that can be built", actual: "\(error)")
    }
    try edgeFile.load([network.front, network.exit])
    try cloudFile?.load([network.rest])
    codec = cloudFile == nil ? nil : ActivationCodec(format: metadata.configuration.activations)
    self.batchSize = batchSize
    images = Tensor(Architecture.imageShape, count: batchSize)

    let context = ComputeContext(threads: threads)
    try network.front.prepare(for: Architecture.imageShape, maximumCount: batchSize, context: context)
    try network.exit.prepare(for: network.cutShape, maximumCount: batchSize, context: context)
    if cloudFile != nil {
      try network.rest.prepare(for: network.cutShape, maximumCount: batchSize, context: context)
    }
  }

  /// Classifies all images, in order, not augmented.
  ///
  /// - Parameters:
  ///   - images: at least one.
  ///   - keepingFeatures: whether the features at the cut, before quantization, are wanted too.
  ///   - interruption: looked at between two batches.
  /// - Returns: logits and labels of all images.
  /// - Throws: `DatasetError`, `CodecError.nonFinite`, `InterruptedError`.
  package func predict(
    _ images: any LabeledImages, keepingFeatures: Bool = false, interruption: Interruption
  ) throws -> Predictions {
    let loader = try BatchLoader(.evaluation(images, batchSize: batchSize), prefetch: 1)
    var predictions = Predictions(
      withFinal: codec != nil, featureShape: keepingFeatures ? network.cutShape : nil)
    loader.startEpoch(0)
    while let batch = try loader.next() {
      if interruption.isRequested { throw InterruptedError() }
      try predict(batch, into: &predictions)
    }
    return predictions
  }

  private func predict(_ batch: Datasets.Batch, into predictions: inout Predictions) throws {
    images.resize(count: batch.count)
    images.data.update(from: batch.images, count: images.values)
    let features = network.front.forward(images, training: false)
    predictions.labels += batch.labels
    predictions.exitLogits += network.exit.forward(features, training: false).buffer
    predictions.features?.values += features.buffer
    guard let codec else { return }
    // The exit has read the features; from here on they are what the cloud decodes.
    try codec.quantizeInPlace(features.data, shape: features.activationShape)
    predictions.finalLogits? += network.rest.forward(features, training: false).buffer
  }
}
