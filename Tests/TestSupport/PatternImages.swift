import Glibc
import Datasets

/// Images in memory whose bytes follow from their index, with an image that can be made unreadable.
package final class PatternImages: LabeledImages {
  package let task: ImageTask
  package let count: Int
  private let unreadable: Int?
  private let delayMicroseconds: UInt32

  package init(
    _ task: ImageTask = .synthetic, count: Int, unreadable: Int? = nil, delayMicroseconds: UInt32 = 0
  ) {
    self.task = task
    self.count = count
    self.unreadable = unreadable
    self.delayMicroseconds = delayMicroseconds
  }

  package static let error = DatasetError.readFailed(path: "pattern", record: 0, code: EIO)

  package func label(at index: Int) -> UInt16 { UInt16(index % task.classes) }

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
