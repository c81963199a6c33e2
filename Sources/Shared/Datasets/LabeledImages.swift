/// A fixed collection of labeled images that are read, or drawn, one by one on demand.
///
/// Any thread may read at any time.
package protocol LabeledImages: Sendable {
  /// Their shape, classes and normalization.
  var task: ImageTask { get }

  /// Number of images.
  var count: Int { get }

  /// Class of the image at `index` (in `0..<count`), in `0..<task.classes`.
  func label(at index: Int) -> UInt16

  /// Writes the `task.imageBytes` bytes of the image at `index` (in `0..<count`) as planes, row by row (CHW).
  ///
  /// - Throws: `DatasetError` if the image cannot be read; `pixels` is then unspecified.
  func copyPixels(of index: Int, into pixels: UnsafeMutablePointer<UInt8>) throws(DatasetError)
}

extension LabeledImages {
  /// The first `limit` images.
  ///
  /// - Throws: `DatasetError.limitOutOfRange` unless `limit` is in `1...count`.
  package func limited(to limit: Int) throws(DatasetError) -> any LabeledImages {
    guard limit >= 1 && limit <= count else { throw .limitOutOfRange(limit: limit, available: count) }
    return limit == count ? self : SelectedImages(self, task, indices: (0..<limit).map { UInt32($0) })
  }

  /// The images of the first `classes` classes alone, in their order; at least two, at most all.
  package func limited(toClasses classes: Int) -> any LabeledImages {
    precondition((2...task.classes).contains(classes), "\(classes) of \(task.classes) classes")
    guard classes < task.classes else { return self }
    return SelectedImages(
      self, task.limited(to: classes), indices: (0..<UInt32(count)).filter { label(at: Int($0)) < classes })
  }

  /// The same images, normalized as those of another task of the same shape and classes.
  package func normalized(as task: ImageTask) -> any LabeledImages {
    precondition(task.shape == self.task.shape && task.classes == self.task.classes, "\(task) for \(self.task)")
    return task == self.task ? self : SelectedImages(self, task, indices: (0..<UInt32(count)).map { $0 })
  }

  /// How many images there are of each class.
  package func countsByClass() -> [Int] {
    (0..<count).reduce(into: [Int](repeating: 0, count: task.classes)) { $0[Int(label(at: $1))] += 1 }
  }
}

/// Some images of another collection.
private struct SelectedImages: LabeledImages {
  let base: any LabeledImages
  let task: ImageTask
  let indices: [UInt32]

  init(_ base: any LabeledImages, _ task: ImageTask, indices: [UInt32]) {
    self.base = base
    self.task = task
    self.indices = indices
  }

  var count: Int { indices.count }

  func label(at index: Int) -> UInt16 { base.label(at: Int(indices[index])) }

  func copyPixels(of index: Int, into pixels: UnsafeMutablePointer<UInt8>) throws(DatasetError) {
    try base.copyPixels(of: Int(indices[index]), into: pixels)
  }
}
