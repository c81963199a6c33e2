import Datasets
import Training
import Transport

/// Images that an edge has uploaded, in memory. One thread fills it; when it is complete, any thread may read.
final class ImageStore: LabeledImages, @unchecked Sendable {
  let task: ImageTask
  let count: Int
  private let pixels: UnsafeMutablePointer<UInt8>
  private let labels: UnsafeMutablePointer<UInt16>
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

  var room: Int { count - stored }

  /// Appends images with their labels, which are checked.
  func append(labels: [UInt16], pixels: UnsafeBufferPointer<UInt8>) {
    precondition(labels.count <= room && pixels.count == labels.count * task.imageBytes, "\(labels.count) images")
    for (offset, label) in labels.enumerated() { self.labels[stored + offset] = label }
    if let base = pixels.baseAddress {
      (self.pixels + stored * task.imageBytes).update(from: base, count: pixels.count)
    }
    stored += labels.count
  }

  func label(at index: Int) -> UInt16 {
    precondition(index >= 0 && index < stored, "image \(index) of \(stored)")
    return labels[index]
  }

  func copyPixels(of index: Int, into pixels: UnsafeMutablePointer<UInt8>) throws(DatasetError) {
    precondition(index >= 0 && index < stored, "image \(index) of \(stored)")
    pixels.update(from: self.pixels + index * task.imageBytes, count: task.imageBytes)
  }
}
