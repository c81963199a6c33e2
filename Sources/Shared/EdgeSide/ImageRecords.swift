import Datasets
import Platform
import RunFiles
import Training
import Transport

/// The records of a run whose network is in the cloud: images as they are, planes of bytes, and a label each. Each is
/// made anew whenever it is asked for.
final class ImageRecords: RecordStore {
  private let configuration: RunConfiguration
  private let layout: RecordLayout
  private let train: any LabeledImages
  private let test: any LabeledImages
  private let sampler: EpochSampler
  private let timeline: Timeline?
  /// The order of the images in the epoch that was asked for last.
  private let order = Guarded((epoch: 0, indices: [UInt32]()))

  /// - Throws: `DatasetError` if a class that is to be drawn has no images.
  init(_ configuration: RunConfiguration, train: any LabeledImages, test: any LabeledImages, timeline: Timeline?) throws
  {
    self.configuration = configuration
    self.train = train
    self.test = test
    self.timeline = timeline
    layout = RecordLayout(configuration)
    sampler = try configuration.trainingSampler(of: train)
  }

  var first: UInt64 { 1 }
  var next: UInt64 { layout.count + 1 }

  func message(_ sequence: UInt64) throws -> Message {
    guard let record = layout[sequence] else { preconditionFailure("record \(sequence) of \(layout.count)") }
    let isUploaded = configuration.strategy.exchange == .upload
    switch record {
    case .trainImages(let batch): return .trainImages(try self.batch(sequence, inOrder(batch, of: train), of: train))
    case .testImages(let batch): return .testImages(try self.batch(sequence, inOrder(batch, of: test), of: test))
    case .training where isUploaded: return .trainStep(StepRequest(sequence: sequence))
    case .evaluation where isUploaded: return .evaluationStep(StepRequest(sequence: sequence))
    case .training(let epoch, let batch):
      return .trainBatch(try self.batch(sequence, shuffled(epoch, batch), of: train))
    case .evaluation(_, let batch):
      return .evaluationBatch(try self.batch(sequence, inOrder(batch, of: test), of: test))
    case .epochEnd(let epoch):
      return .epochEnd(
        EpochEnd(epoch: epoch, steps: configuration.stepsPerEpoch, sequence: sequence, sent: ByteCounts()))
    }
  }

  /// Bytes of the samples of a record, with their labels, and the type of its frame.
  func samples(of sequence: UInt64) -> (type: FrameType, byteCount: Int)? {
    func bytes(_ batch: Int, of count: Int) -> Int {
      let images = places(batch, of: count).count
      return EncodedBatch.frameByteCount(labels: images, content: images * configuration.task.imageBytes)
        - FrameHeader.byteCount
    }
    let isUploaded = configuration.strategy.exchange == .upload
    switch layout[sequence] {
    case .trainImages(let batch): return (.trainImages, bytes(batch, of: train.count))
    case .testImages(let batch): return (.testImages, bytes(batch, of: test.count))
    case .training(_, let batch): return isUploaded ? nil : (.trainBatch, bytes(batch, of: train.count))
    case .evaluation(_, let batch): return isUploaded ? nil : (.evaluationBatch, bytes(batch, of: test.count))
    case .epochEnd, nil: return nil
    }
  }

  private func inOrder(_ batch: Int, of images: any LabeledImages) -> [Int] {
    Array(places(batch, of: images.count))
  }

  private func places(_ batch: Int, of count: Int) -> Range<Int> {
    RecordLayout.places(ofBatch: batch, of: count, batchSize: configuration.batchSize)
  }

  private func shuffled(_ epoch: Int, _ batch: Int) -> [Int] {
    let indices = order.withLock { order in
      if order.epoch != epoch { order = (epoch, sampler.indices(epoch: epoch - 1)) }
      return order.indices
    }
    return indices[sampler.positions(ofBatch: batch)].map { Int($0) }
  }

  private func batch(_ sequence: UInt64, _ indices: [Int], of images: any LabeledImages) throws -> EncodedBatch {
    let size = images.task.imageBytes
    var pixels = [UInt8](repeating: 0, count: indices.count * size)
    try timeline.measure(.load) {
      try pixels.withUnsafeMutableBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return }
        for (place, index) in indices.enumerated() { try images.copyPixels(of: index, into: base + place * size) }
      }
    }
    return EncodedBatch(sequence: sequence, labels: indices.map { images.label(at: $0) }, activations: pixels)
  }

  func hasRoom(for message: Message, unanswered: Int) -> Bool { false }
  func append(_ message: Message) { preconditionFailure("images are not appended") }
  func holds(_ message: Message) -> Bool? { nil }
  func answered(through sequence: UInt64) {}
  func durable(through sequence: UInt64) {}
  func synchronize() {}
}
