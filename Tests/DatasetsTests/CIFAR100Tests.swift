import Foundation
import TestSupport
import Testing

@testable import Datasets

@Suite struct CIFAR100Tests {
  /// Two labels and an image each.
  private static func bytes(_ records: Int) -> [UInt8] {
    (0..<records).flatMap { record in
      let labels = [UInt8(record % 20), UInt8(record * 7 % 100)]
      return labels + CIFARFixture.pixels(file: 3, record: record)
    }
  }

  private func folder() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try folder.write("train.bin", Self.bytes(6))
    try folder.write("test.bin", Self.bytes(2))
    return folder
  }

  @Test func bothLabelsAndThePixelsAreRead() throws {
    let folder = try folder()
    for labels in CIFAR100.Labels.allCases {
      let (train, test) = try CIFAR100.open(directory: folder.path, labels: labels, records: (6, 2))
      #expect(train.count == 6 && test.count == 2)
      let expected = (0..<6).map { UInt16(labels == .coarse ? $0 % 20 : $0 * 7 % 100) }
      #expect((0..<6).map { train.label(at: $0) } == expected)
      #expect(try train.pixels(of: 5) == CIFARFixture.pixels(file: 3, record: 5))
    }
  }

  @Test func theNamesAreThoseOfTheClasses() {
    let (fine, coarse) = (CIFAR100.task(.fine), CIFAR100.task(.coarse))
    #expect(fine.classes == 100 && fine.classNames.count == 100 && Set(fine.classNames).count == 100)
    #expect(coarse.classes == 20 && coarse.classNames.count == 20)
    #expect(fine.name(of: 99) == "worm" && coarse.name(of: 19) == "vehicles_2")
  }

  @Test func anotherNumberOfRecordsIsAnError() throws {
    let path = try folder()
    #expect(
      throws: DatasetError.wrongFileSize(
        path: path.file("train.bin"), expectedBytes: 50_000 * 3074, actualBytes: 6 * 3074)
    ) { try CIFAR100.open(directory: path.path) }
  }

  @Test func theKindIsToldByWhatIsThere() throws {
    let folder = try folder()
    #expect(DatasetKind.recognize(folder.path) == .cifar100)
    let other = try TemporaryFolder()
    #expect(DatasetKind.recognize(other.path) == .cifar10)
    try FileManager.default.createDirectory(atPath: other.file("cats"), withIntermediateDirectories: true)
    #expect(DatasetKind.recognize(other.path) == .folder)
    #expect(
      throws: DatasetError.folder(
        path: other.path,
        problem: "no folder train in it: expected train/<class>/ with the JPEG or PNG files of each class")
    ) { try ImageFolder.list(other.path, testFraction: nil) }
    try other.write("data_batch_1.bin", [])
    #expect(DatasetKind.recognize(other.path) == .cifar10)
  }
}
