import Datasets
import Platform
import RunFiles
import Training
import Transport

/// All images of a run, as they are uploaded: in memory, and, if the run can go on after this process, in a file of its
/// directory, batch by batch in the order of their arrival, the labels of each before its pixels.
final class UploadedImages: Sendable {
  static let file = "images.bin"

  let train: ImageStore
  let test: ImageStore
  private let batchSize: Int
  private let state = Guarded(State())

  private struct State {
    var file: File?
    var byteCount = 0
    var checksum: UInt32 = 0
  }

  /// Closed when nobody needs it any more.
  private final class File: Sendable {
    let descriptor: Int32
    let path: String
    let operations: FileOperations

    init(_ descriptor: Int32, _ path: String, _ operations: FileOperations) {
      (self.descriptor, self.path, self.operations) = (descriptor, path, operations)
    }

    deinit { _ = operations.close(descriptor) }
  }

  init(_ configuration: RunConfiguration) {
    train = ImageStore(configuration.task, count: configuration.trainImages)
    test = ImageStore(configuration.task, count: configuration.testImages)
    batchSize = configuration.batchSize
  }

  /// Keeps what comes in the run's directory, too, and reads what is there already.
  ///
  /// - Parameter stored: what a run that goes on had got; the rest of the file is cut off.
  /// - Throws: `FileError`; `RunDirectoryError.incomplete` if the file is not what it was.
  func keep(in directory: RunDirectory, after stored: RunProgress.StoredImages?) throws {
    let path = directory.path(of: Self.file)
    let operations = directory.operations
    let descriptor = try operations.openFile(path, flags: O_RDWR | O_CREAT)
    let file = File(descriptor, path, operations)
    if let stored { try read(stored, file) }
    try operations.truncateFile(descriptor, to: stored?.byteCount ?? 0, path: path)
    guard lseek(descriptor, 0, SEEK_END) >= 0 else {
      throw FileError(path: path, operation: "lseek", errorNumber: errno)
    }
    state.withLock { state in
      state.file = file
      state.byteCount = stored?.byteCount ?? 0
      state.checksum = stored?.checksum ?? 0
    }
  }

  private func read(_ stored: RunProgress.StoredImages, _ file: File) throws {
    func wrong(_ actual: String) -> RunDirectoryError {
      .incomplete(
        path: file.path, expected: "the \(stored.byteCount) bytes of uploaded images that were written", actual: actual)
    }
    let expected = (train.count + test.count) * (2 + train.task.imageBytes)
    guard stored.byteCount >= 0, stored.byteCount <= expected else { throw wrong("a count beyond \(expected)") }
    let size = Int(lseek(file.descriptor, 0, SEEK_END))
    guard size >= stored.byteCount else { throw wrong("\(size)") }
    let bytes = try [UInt8](unsafeUninitializedCapacity: stored.byteCount) { buffer, count in
      count = try file.operations.readAll(into: UnsafeMutableRawBufferPointer(buffer), from: file.descriptor, at: 0)
    }
    guard bytes.withUnsafeBytes({ CRC32C.checksum($0) }) == stored.checksum else { throw wrong("others") }
    var rest = bytes[...]
    while !rest.isEmpty {
      let store = train.isComplete ? test : train
      let count = min(batchSize, store.room)
      guard count > 0, rest.count >= count * (2 + store.task.imageBytes) else { throw wrong("a part of a batch") }
      let labels = rest.prefix(2 * count).withUnsafeBytes { bytes in
        (0..<count).map { bytes.littleEndian(at: 2 * $0, as: UInt16.self) }
      }
      rest.removeFirst(2 * count)
      rest.prefix(count * store.task.imageBytes).withUnsafeBufferPointer { store.append(labels: labels, pixels: $0) }
      rest.removeFirst(count * store.task.imageBytes)
    }
  }

  /// Appends a batch whose labels are checked.
  ///
  /// - Returns: what is stored with it; nil without a file.
  /// - Throws: `WireError` if the bytes are no images, or they are not the next ones; `FileError`.
  func append(_ batch: EncodedBatch, _ type: FrameType) throws -> RunProgress.StoredImages? {
    let store = type == .trainImages ? train : test
    try batch.checkImages(store.task, type)
    guard batch.labels.count <= store.room else {
      throw WireError.payload(
        type: type, field: "count", expected: "\(store.count) in the run",
        actual: "\(store.stored + batch.labels.count)")
    }
    batch.activations.withUnsafeBufferPointer { store.append(labels: batch.labels, pixels: $0) }
    return try state.withLock { state in
      guard let file = state.file else { return nil }
      try batch.labels.withUnsafeBytes { bytes in
        try file.operations.writeAll(bytes, to: file.descriptor, path: file.path)
        state.checksum = CRC32C.checksum(bytes, continuing: state.checksum)
      }
      try batch.activations.withUnsafeBytes { bytes in
        try file.operations.writeAll(bytes, to: file.descriptor, path: file.path)
        state.checksum = CRC32C.checksum(bytes, continuing: state.checksum)
      }
      state.byteCount += batch.payloadByteCount - 4
      return RunProgress.StoredImages(byteCount: state.byteCount, checksum: state.checksum)
    }
  }

  /// Flushes the file to the device.
  ///
  /// - Throws: `FileError`.
  func synchronize() throws {
    guard let file = state.withLock({ $0.file }) else { return }
    try file.operations.synchronizeAll(file.descriptor, path: file.path)
  }

  /// Removes the file of a run that is complete. If it cannot be removed, it is in nobody's way.
  func remove(from directory: RunDirectory) {
    state.withLock { $0.file = nil }
    _ = directory.operations.unlink(directory.path(of: Self.file))
  }

  /// - Throws: `WireError` unless every image is there.
  func checkComplete() throws(WireError) {
    for (field, store) in [("uploaded training images", train), ("uploaded test images", test)] where !store.isComplete
    { throw .payload(type: .trainStep, field: field, expected: "\(store.count)", actual: "\(store.stored)") }
  }
}
