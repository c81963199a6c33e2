import Glibc
import Testing

@testable import Datasets

@Suite struct CIFAR10Tests {
  private let folder: TemporaryFolder
  private let fixture = CIFARFixture(records: 3)

  init() throws {
    folder = try TemporaryFolder()
    try fixture.write(to: folder)
  }

  private func openFails(_ error: DatasetError, directory: String? = nil, records: Int = 3) {
    #expect(throws: error) {
      try CIFAR10.open(directory: directory ?? folder.path, recordsPerFile: records)
    }
    #expect(!"\(error)".contains("\n"))
  }

  @Test func readsEveryRecordOfEveryFile() throws {
    let (train, test) = try CIFAR10.open(directory: folder.path, recordsPerFile: 3)
    #expect(train.count == 15)
    #expect(test.count == 3)
    for index in 0..<15 {
      #expect(train.label(at: index) == CIFARFixture.label(file: index / 3, record: index % 3))
      #expect(try train.pixels(of: index) == CIFARFixture.pixels(file: index / 3, record: index % 3))
    }
    for record in 0..<3 {
      #expect(test.label(at: record) == CIFARFixture.label(file: 5, record: record))
      #expect(try test.pixels(of: record) == CIFARFixture.pixels(file: 5, record: record))
    }
  }

  @Test func missingFileIsNamed() {
    folder.delete("data_batch_4.bin")
    openFails(.fileNotReadable(path: folder.file("data_batch_4.bin"), code: ENOENT))
  }

  @Test(arguments: [0, 1, 3072, 3 * 3073 - 1, 3 * 3073 + 1])
  func wrongSizeIsNamed(size: Int) throws {
    let bytes = fixture.bytes(file: 2) + [0]
    try folder.write("data_batch_3.bin", Array(bytes.prefix(size)))
    openFails(
      .wrongFileSize(path: folder.file("data_batch_3.bin"), expectedBytes: 9219, actualBytes: size))
  }

  @Test func defaultExpectsTenThousandRecords() {
    let error = DatasetError.wrongFileSize(
      path: folder.file("data_batch_1.bin"), expectedBytes: 30_730_000, actualBytes: 9219)
    #expect(throws: error) { try CIFAR10.open(directory: folder.path) }
    #expect(
      "\(error)"
        == "data file \(folder.path)/data_batch_1.bin: expected 30730000 bytes, found 9219; give the folder of"
        + " a data set with --data (scripts/fetch-cifar10.sh downloads CIFAR-10), or --data synthetic")
  }

  @Test func hintOnlyWhereItHelps() {
    for (code, helps) in [(ENOENT, true), (ENOTDIR, true), (EMFILE, false), (EIO, false)] {
      let error = DatasetError.fileNotReadable(path: "f", code: code)
      #expect("\(error)".contains("--data") == helps, "\(error)")
    }
  }

  @Test(arguments: [10 as UInt8, 255])
  func labelThatIsNoClassIsNamed(value: UInt8) throws {
    var bytes = fixture.bytes(file: 5)
    bytes[2 * 3073] = value
    try folder.write("test_batch.bin", bytes)
    openFails(.invalidLabel(path: folder.file("test_batch.bin"), record: 2, value: Int(value), classes: 10))
  }

  @Test func labelsAreCheckedBeyondTheFirstRead() throws {
    let many = try TemporaryFolder()
    let large = CIFARFixture(records: 130)
    try large.write(to: many)
    let (train, _) = try CIFAR10.open(directory: many.path, recordsPerFile: 130)
    #expect((0..<130).allSatisfy { train.label(at: 130 + $0) == CIFARFixture.label(file: 1, record: $0) })
    var bytes = large.bytes(file: 1)
    bytes[129 * 3073] = 10
    try many.write("data_batch_2.bin", bytes)
    openFails(
      .invalidLabel(path: many.file("data_batch_2.bin"), record: 129, value: 10, classes: 10), directory: many.path,
      records: 130)
  }

  @Test func wrongDirectoryIsNamed() throws {
    openFails(
      .directoryNotReadable(path: folder.file("nowhere"), code: ENOENT), directory: folder.file("nowhere"))
    openFails(
      .notADirectory(path: folder.file("test_batch.bin")), directory: folder.file("test_batch.bin"))
    try folder.makeDirectory("empty")
    openFails(
      .fileNotReadable(path: folder.file("empty/data_batch_1.bin"), code: ENOENT),
      directory: folder.file("empty"))
  }

  @Test func directoryOrPipeInPlaceOfAFileIsNamed() throws {
    folder.delete("data_batch_1.bin")
    try folder.makeDirectory("data_batch_1.bin")
    openFails(.notARegularFile(path: folder.file("data_batch_1.bin")))
    folder.delete("data_batch_1.bin")
    try #require(mkfifo(folder.file("data_batch_1.bin"), 0o600) == 0)
    openFails(.notARegularFile(path: folder.file("data_batch_1.bin")))
  }

  @Test func fileThatShrinksInUseIsAnError() throws {
    let (train, _) = try CIFAR10.open(directory: folder.path, recordsPerFile: 3)
    try #require(truncate(folder.file("data_batch_2.bin"), 2 * 3073 + 101) == 0)
    #expect(
      throws: DatasetError.truncatedWhileReading(
        path: folder.file("data_batch_2.bin"), record: 2, expectedBytes: 3073, actualBytes: 101)
    ) { try train.pixels(of: 5) }
    try #require(truncate(folder.file("data_batch_2.bin"), 0) == 0)
    #expect(throws: DatasetError.self) { try train.pixels(of: 3) }
  }

  /// What was opened stays whole when another file takes its name, and does not when that is written over it.
  @Test func fileThatIsReplacedInUse() throws {
    let (train, _) = try CIFAR10.open(directory: folder.path, recordsPerFile: 3)
    let path = folder.file("data_batch_2.bin")
    try folder.write("new", fixture.bytes(file: 3))
    try #require(rename(folder.file("new"), path) == 0)
    #expect(try train.pixels(of: 3) == CIFARFixture.pixels(file: 1, record: 0))

    let (other, _) = try CIFAR10.open(directory: folder.path, recordsPerFile: 3)
    let times = [timespec(tv_sec: 0, tv_nsec: 0), timespec(tv_sec: 1, tv_nsec: 0)]
    try #require(utimensat(AT_FDCWD, path, times, 0) == 0)
    #expect(throws: DatasetError.changedWhileReading(path: path)) { try other.pixels(of: 3) }
    #expect(try train.pixels(of: 3) == CIFARFixture.pixels(file: 1, record: 0))
  }

  @Test func otherFilesAreNamed() throws {
    let path = folder.file("data_batch_1.bin")
    try folder.write("data_batch_1.bin", [0x1f, 0x8b, 8, 0])
    openFails(.compressed(path: path))
    let error = DatasetError.wrongFileSize(path: path, expectedBytes: 30_730_000, actualBytes: 30_740_000)
    #expect("\(error)".contains("found 30740000, which is 10000 records of CIFAR-100; give the folder of"))
  }

  @Test func filesAreClosedAfterUseAndAfterAnError() throws {
    func openFiles() -> Int {
      (0..<1024).count { descriptor in
        var target = [CChar](repeating: 0, count: 4096)
        let length = readlink("/proc/self/fd/\(descriptor)", &target, target.count)
        let path = target.prefix(max(length, 0)).map { UInt8(bitPattern: $0) }
        return String(decoding: path, as: UTF8.self).hasPrefix(folder.path)
      }
    }
    do {
      let (train, test) = try CIFAR10.open(directory: folder.path, recordsPerFile: 3)
      #expect(openFiles() == 6)
      #expect(train.count + test.count == 18)
    }
    #expect(openFiles() == 0)
    try folder.write("test_batch.bin", [1, 2, 3])
    #expect(throws: DatasetError.self) { try CIFAR10.open(directory: folder.path, recordsPerFile: 3) }
    #expect(openFiles() == 0)
  }

  @Test func limitTakesTheFirstImages() throws {
    let (train, _) = try CIFAR10.open(directory: folder.path, recordsPerFile: 3)
    let limited = try train.limited(to: 4)
    #expect(limited.count == 4)
    for index in 0..<4 {
      #expect(limited.label(at: index) == train.label(at: index))
      #expect(try limited.pixels(of: index) == train.pixels(of: index))
    }
    #expect(try train.limited(to: 15).count == 15)
    #expect(try limited.limited(to: 1).count == 1)
  }

  @Test(arguments: [16, 0, -1])
  func limitOutOfRangeNamesBothNumbers(limit: Int) throws {
    let (train, _) = try CIFAR10.open(directory: folder.path, recordsPerFile: 3)
    let error = DatasetError.limitOutOfRange(limit: limit, available: 15)
    #expect(throws: error) { try train.limited(to: limit) }
    #expect("\(error)".contains("\(limit)") && "\(error)".contains("15"))
  }
}
