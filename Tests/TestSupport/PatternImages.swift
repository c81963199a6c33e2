import Glibc
import Datasets

/// Images in memory whose bytes follow from their index, with an image that can be made unreadable. Their classes take
/// turns, if there are no other labels.
package final class PatternImages: LabeledImages {
  package let task: ImageTask
  package let count: Int
  private let labels: [UInt16]?
  private let unreadable: Int?
  private let delayMicroseconds: UInt32

  package init(
    _ task: ImageTask = .synthetic, count: Int, labels: [UInt16]? = nil, unreadable: Int? = nil,
    delayMicroseconds: UInt32 = 0
  ) {
    self.task = task
    self.count = count
    precondition(labels.map { $0.count == count } ?? true, "\(count) labels")
    self.labels = labels
    self.unreadable = unreadable
    self.delayMicroseconds = delayMicroseconds
  }

  package static let error = DatasetError.readFailed(path: "pattern", record: 0, code: EIO)

  /// Of each class half as many as of the one before it, and of the last one those that are left.
  package static func uneven(_ task: ImageTask, count: Int) -> PatternImages {
    PatternImages(
      task, count: count, labels: (1...count).map { UInt16(min($0.trailingZeroBitCount, task.classes - 1)) })
  }

  package func label(at index: Int) -> UInt16 { labels?[index] ?? UInt16(index % task.classes) }

  package func copyPixels(
    of index: Int, into pixels: UnsafeMutablePointer<UInt8>
  ) throws(DatasetError) {
    if index == unreadable { throw Self.error }
    if delayMicroseconds > 0 { usleep(delayMicroseconds) }
    for offset in 0..<task.imageBytes {
      pixels[offset] = UInt8(truncatingIfNeeded: offset &* 11 &+ index &* 29)
    }
  }
}
