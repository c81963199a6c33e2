import Datasets
import Training
import Transport

/// Images that an edge has uploaded, in memory. One thread fills it; when it is complete, any thread may read.
final class ImageStore: LabeledImages, @unchecked Sendable {
  let task: ImageTask
  let count: Int
  private let pixels: UnsafeMutablePointer<UInt8>
  private let labels: UnsafeMutablePointer<UInt8>
  private(set) var stored = 0

  /// Room for `count` images, each with a label.
  init(_ task: ImageTask, count: Int) {
    self.task = task
    self.count = count
    pixels = .allocate(capacity: count * task.imageBytes)
    labels = .allocate(capacity: count)
  }

  deinit {
    pixels.deallocate()
    labels.deallocate()
  }

  var isComplete: Bool { stored == count }

  /// Appends a batch whose labels are checked.
  ///
  /// - Throws: `WireError` if the bytes are no images, or there is no room for them.
  func append(_ batch: EncodedBatch, _ type: FrameType) throws(WireError) {
    try batch.checkImages(task, type)
    guard stored + batch.labels.count <= count else {
      throw .payload(
        type: type, field: "count", expected: "\(count) in the run", actual: "\(stored + batch.labels.count)")
    }
    for (offset, label) in batch.labels.enumerated() { labels[stored + offset] = label }
    batch.activations.withUnsafeBufferPointer { bytes in
      guard let bytes = bytes.baseAddress else { return }
      (pixels + stored * task.imageBytes).update(from: bytes, count: batch.activations.count)
    }
    stored += batch.labels.count
  }

  func label(at index: Int) -> UInt8 {
    precondition(index >= 0 && index < stored, "image \(index) of \(stored)")
    return labels[index]
  }

  func copyPixels(of index: Int, into pixels: UnsafeMutablePointer<UInt8>) throws(DatasetError) {
    precondition(index >= 0 && index < stored, "image \(index) of \(stored)")
    pixels.update(from: self.pixels + index * task.imageBytes, count: task.imageBytes)
  }
}

/// All images of a run, uploaded.
final class UploadedImages: Sendable {
  let train: ImageStore
  let test: ImageStore

  init(_ configuration: RunConfiguration) {
    train = ImageStore(configuration.task, count: configuration.trainImages)
    test = ImageStore(configuration.task, count: configuration.testImages)
  }

  /// - Throws: `WireError` unless every image is there.
  func checkComplete() throws(WireError) {
    for (field, store) in [("uploaded training images", train), ("uploaded test images", test)] where !store.isComplete
    { throw .payload(type: .epochEnd, field: field, expected: "\(store.count)", actual: "\(store.stored)") }
  }
}
