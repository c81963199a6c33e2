/// One part (training or test) of a data set whose files have records, read from them on demand.
///
/// Only the labels and the open files are held; images come from the page cache.
package struct RecordImages: LabeledImages {
  package let task: ImageTask
  private let files: [RecordFile]
  private let recordsPerFile: Int
  /// The records of the first file that are before this part's.
  private let skipped: Int
  private let labels: [UInt16]

  /// Opens files and checks the size of each and every label by reading them once.
  ///
  /// - Parameters:
  ///   - task: of the images.
  ///   - paths: the files, in the order of the images.
  ///   - recordsPerFile: records that each file must have.
  ///   - format: of all files.
  /// - Throws: `DatasetError` naming the file, what was expected and what was found.
  init(_ task: ImageTask, paths: [String], recordsPerFile: Int, format: RecordFormat) throws(DatasetError) {
    precondition(recordsPerFile >= 1, "a data file has at least one record")
    var files: [RecordFile] = []
    var labels: [UInt16] = []
    labels.reserveCapacity(paths.count * recordsPerFile)
    for path in paths {
      let file = try RecordFile(path: path, records: recordsPerFile, format: format)
      try file.appendLabels(to: &labels)
      files.append(file)
    }
    self.init(task, files: files, recordsPerFile: recordsPerFile, skipped: 0, labels: labels)
  }

  /// A part of files that are open and checked.
  ///
  /// - Parameter skipped: records before this part's.
  init(_ task: ImageTask, files: [RecordFile], recordsPerFile: Int, skipped: Int, labels: [UInt16]) {
    self.task = task
    self.files = files
    self.recordsPerFile = recordsPerFile
    self.skipped = skipped
    self.labels = labels
  }

  package var count: Int { labels.count }

  package func label(at index: Int) -> UInt16 { labels[index] }

  package func copyPixels(of index: Int, into pixels: UnsafeMutablePointer<UInt8>) throws(DatasetError) {
    precondition(index >= 0 && index < count, "image \(index) of \(count)")
    let (file, record) = (skipped + index).quotientAndRemainder(dividingBy: recordsPerFile)
    try files[file].readPixels(ofRecord: record, into: pixels)
  }
}
