import Foundation
import Testing

@testable import WeightFiles

/// What is no safetensors file is called what it is.
@Suite struct ForeignFileTests {
  @Test(
    arguments: [
      (Array("epoch 1/3  100 %\n".utf8), "a text file"), (Array("[[1, 2], {\"a\": 1}]".utf8), "a text file"),
      (Array("no".utf8), "a text file"),
      (Array("version https://git-lfs.github.com/spec/v1".utf8), "a pointer of Git LFS, without its file"),
      ([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d], "a PNG image"),
      ([0xff, 0xd8, 0xff, 0xe0, 0, 0x10, 0x4a, 0x46, 0x49, 0x46], "a JPEG image"),
      ([0x93] + Array("NUMPY\u{1}\0v\0{'descr': '<f4'}".utf8), "a NumPy array"),
      (Array("PK\u{3}\u{4}\0\0\u{8}\u{8}\0\0".utf8), "a zip archive, as torch.save and numpy.savez write it"),
      ([0x80, 2, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9], "a pickle, as torch.save wrote it in former times"),
    ] as [([UInt8], String)])
  func namesIt(bytes: [UInt8], name: String) throws {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: directory) }
    try Data(bytes).write(to: directory)
    let error = SafetensorsError.otherFormat(path: directory.path, format: name)
    #expect(throws: error) { try SafetensorsReader(path: directory.path) }
    #expect(error.description.hasPrefix("\(directory.path): \(name), expected a safetensors file"))
  }

  /// A length may begin like something else; and what is damaged is no other file.
  @Test(
    arguments: [
      [0x80, 2, 0, 0, 0, 0, 0, 0, 0x7b], [0x50, 0x4b, 3, 4, 0, 0, 0, 0, 0x7b], [0x80, 2, 0, 0, 0, 0, 0, 0, 0x20],
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x7b], [0x30, 0, 0, 0], [],
    ] as [[UInt8]])
  func leavesLengthsAlone(bytes: [UInt8]) { #expect(ForeignFile.name(of: bytes) == nil) }
}
