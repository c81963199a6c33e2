/// Which record of a run is what: of images that are uploaded first, then in each epoch the batches of training, those
/// of evaluation, and the epoch-end. Records are numbered from 1 over the whole run.
package struct RecordLayout: Equatable, Sendable {
  package enum Record: Equatable, Sendable {
    /// Batches are counted from 0, those of training and of evaluation each in its epoch; epochs from 1.
    case trainImages(batch: Int)
    case testImages(batch: Int)
    case training(epoch: Int, batch: Int)
    case evaluation(epoch: Int, batch: Int)
    case epochEnd(epoch: Int)
  }

  private let steps: Int
  private let testBatches: Int
  private let epochs: Int
  private let hasUpload: Bool

  package init(_ configuration: RunConfiguration) {
    steps = configuration.stepsPerEpoch
    testBatches = (configuration.testImages - 1) / configuration.batchSize + 1
    epochs = configuration.epochs
    hasUpload = configuration.strategy.exchange == .upload
  }

  /// Records before the first epoch.
  package var uploads: UInt64 { hasUpload ? UInt64(steps + testBatches) : 0 }

  private var perEpoch: UInt64 { UInt64(steps + testBatches + 1) }

  /// Records of the whole run.
  package var count: UInt64 { uploads + UInt64(epochs) * perEpoch }

  /// The last batch of training of an epoch.
  package func lastStep(of epoch: Int) -> UInt64 { uploads + UInt64(epoch - 1) * perEpoch + UInt64(steps) }

  package func epochEnd(of epoch: Int) -> UInt64 { uploads + UInt64(epoch) * perEpoch }

  /// What the record of this number is; nil behind the last one.
  package subscript(sequence: UInt64) -> Record? {
    guard sequence >= 1, sequence <= count else { return nil }
    if sequence <= uploads {
      let batch = Int(sequence - 1)
      return batch < steps ? .trainImages(batch: batch) : .testImages(batch: batch - steps)
    }
    let (epoch, place) = (sequence - uploads - 1).quotientAndRemainder(dividingBy: perEpoch)
    switch Int(place) {
    case ..<steps: return .training(epoch: Int(epoch) + 1, batch: Int(place))
    case ..<(steps + testBatches): return .evaluation(epoch: Int(epoch) + 1, batch: Int(place) - steps)
    default: return .epochEnd(epoch: Int(epoch) + 1)
    }
  }

  /// The places in an epoch of the images of a batch, of so many images.
  package static func places(ofBatch batch: Int, of count: Int, batchSize: Int) -> Range<Int> {
    batch * batchSize..<min((batch + 1) * batchSize, count)
  }
}
