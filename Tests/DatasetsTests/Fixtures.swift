import Glibc

@testable import Datasets

/// A directory under the system's temporary one, removed with the files in it when the test is done.
final class TemporaryFolder {
  let path: String
  private var entries: [String] = []

  init() throws {
    var template = Array("/tmp/datasets-tests.XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw FixtureError(what: "mkdtemp", code: errno) }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit {
    for entry in entries { remove(entry) }
    remove(path)
  }

  func file(_ name: String) -> String { path + "/" + name }

  func write(_ name: String, _ bytes: [UInt8]) throws {
    let stream = fopen(file(name), "w")
    guard let stream else { throw FixtureError(what: name, code: errno) }
    defer { fclose(stream) }
    guard fwrite(bytes, 1, bytes.count, stream) == bytes.count else {
      throw FixtureError(what: name, code: errno)
    }
    entries.append(file(name))
  }

  func makeDirectory(_ name: String) throws {
    guard mkdir(file(name), 0o755) == 0 else { throw FixtureError(what: name, code: errno) }
    entries.append(file(name))
  }

  func delete(_ name: String) { remove(file(name)) }
}

struct FixtureError: Error {
  let what: String
  let code: Int32
}

/// Small files in CIFAR-10's format: `records` records each, all pixels different from their neighbours.
struct CIFARFixture {
  static let names = CIFAR10.trainFileNames + CIFAR10.testFileNames
  let records: Int

  static func label(file: Int, record: Int) -> UInt8 { UInt8((file * 3 + record) % 10) }

  static func pixel(file: Int, record: Int, offset: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: offset * 7 + offset / 256 * 13 + file * 31 + record * 57)
  }

  static func pixels(file: Int, record: Int) -> [UInt8] {
    (0..<3072).map { pixel(file: file, record: record, offset: $0) }
  }

  func bytes(file: Int) -> [UInt8] {
    (0..<records).flatMap { record in
      [Self.label(file: file, record: record)] + Self.pixels(file: file, record: record)
    }
  }

  func write(to folder: TemporaryFolder) throws {
    for (file, name) in Self.names.enumerated() { try folder.write(name, bytes(file: file)) }
  }
}

extension LabeledImages {
  func pixels(of index: Int) throws -> [UInt8] {
    var pixels = [UInt8](repeating: 0, count: task.imageBytes)
    try copyPixels(of: index, into: &pixels)
    return pixels
  }
}
