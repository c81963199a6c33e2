/// One part (training or test) of CIFAR-10 in its binary format, read from its files on demand.
///
/// A record is one label byte and the pixels: the red, green and blue plane. Only the labels and the open files are
/// held; images come from the page cache.
package struct CIFAR10: LabeledImages {
  package static let trainFileNames = (1...5).map { "data_batch_\($0).bin" }
  package static let testFileNames = ["test_batch.bin"]

  private let files: [RecordFile]
  private let recordsPerFile: Int
  private let labels: [UInt16]

  /// Opens the five training files and the test file in `directory`, and checks the size of each and every label by
  /// reading them once.
  ///
  /// - Parameters:
  ///   - directory: the folder `cifar-10-batches-bin`.
  ///   - recordsPerFile: records that each file must have; other than 10,000 only in tests.
  /// - Returns: the training images in the order of the files, and the test images.
  /// - Throws: `DatasetError` naming the file, what was expected and what was found.
  package static func open(directory: String, recordsPerFile: Int = 10_000) throws(DatasetError) -> (
    train: CIFAR10, test: CIFAR10
  ) {
    try RecordFile.checkDirectory(directory)
    let train = try CIFAR10(directory: directory, names: trainFileNames, recordsPerFile: recordsPerFile)
    let test = try CIFAR10(directory: directory, names: testFileNames, recordsPerFile: recordsPerFile)
    return (train, test)
  }

  private init(directory: String, names: [String], recordsPerFile: Int) throws(DatasetError) {
    precondition(recordsPerFile >= 1, "a data file has at least one record")
    var files: [RecordFile] = []
    var labels: [UInt16] = []
    labels.reserveCapacity(names.count * recordsPerFile)
    for name in names {
      let file = try RecordFile(path: directory + "/" + name, records: recordsPerFile)
      try file.appendLabels(to: &labels)
      files.append(file)
    }
    self.files = files
    self.recordsPerFile = recordsPerFile
    self.labels = labels
  }

  package var task: ImageTask { .cifar10 }

  package var count: Int { labels.count }

  package func label(at index: Int) -> UInt16 { labels[index] }

  package func copyPixels(of index: Int, into pixels: UnsafeMutablePointer<UInt8>) throws(DatasetError) {
    precondition(index >= 0 && index < count, "image \(index) of \(count)")
    try files[index / recordsPerFile].readPixels(ofRecord: index % recordsPerFile, into: pixels)
  }
}
