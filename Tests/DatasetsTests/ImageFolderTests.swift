import Foundation
import Images
import TestSupport
import Testing

@testable import Datasets

/// A folder of drawn PNG files, 8×8 pixels unless said otherwise.
struct ImageFolderFixture {
  let base: TemporaryFolder
  var root: String { base.file("data") }

  init() throws { base = try TemporaryFolder() }

  /// Writes an image whose bytes follow from `seed`.
  func image(_ path: String, seed: Int, width: Int = 8, height: Int = 8) throws {
    let planes = Self.planes(seed: seed, count: 3 * width * height)
    try write(path, DecodedImage(width: width, height: height, planes: planes).png())
  }

  static func planes(seed: Int, count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: ($0 * 31 + seed * 57) ^ ($0 >> 3)) }
  }

  func write(_ path: String, _ bytes: [UInt8]) throws {
    let url = URL(fileURLWithPath: "\(root)/\(path)")
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: url)
  }

  /// Two classes with three images for training and one for testing each.
  func fill() throws {
    for (label, name) in ["cat", "dog"].enumerated() {
      for number in 0..<3 { try image("train/\(name)/\(2 * number + label).png", seed: 2 * number + label) }
      try image("test/\(name)/\(label).png", seed: 10 + label)
    }
  }

  var settings: ImageCache.Settings {
    var settings = ImageCache.Settings(directory: base.file("cache"))
    settings.imageSize = 8
    settings.threads = 2
    return settings
  }

  func open(_ change: (inout DatasetSettings) -> Void = { _ in }) throws -> OpenDataset {
    var wanted = DatasetSettings()
    wanted.imageSize = 8
    change(&wanted)
    return try DatasetKind.folder.open(root, wanted, cache: settings)
  }

  /// What opening it says is wrong.
  func problem(_ change: (inout DatasetSettings) -> Void = { _ in }) -> String {
    do {
      _ = try open(change)
      return "nothing"
    } catch { return "\(error)".replacingOccurrences(of: root, with: "DIR") }
  }
}

@Suite struct ImageFolderTests {
  @Test func imagesComeInTheOrderOfTheirFilesNames() throws {
    let folder = try ImageFolderFixture()
    try folder.fill()
    let dataset = try folder.open()
    #expect(dataset.train.task.classNames == ["cat", "dog"])
    #expect((0..<6).map { dataset.train.label(at: $0) } == [0, 1, 0, 1, 0, 1])
    for index in 0..<6 {
      #expect(try dataset.train.pixels(of: index) == ImageFolderFixture.planes(seed: index, count: 192))
    }
    #expect((0..<2).map { dataset.test.label(at: $0) } == [0, 1])
    #expect(try dataset.test.pixels(of: 1) == ImageFolderFixture.planes(seed: 11, count: 192))
    #expect(dataset.train.countsByClass() == [3, 3])
  }

  @Test func meanAndDeviationAreThoseOfTheTrainingImages() throws {
    let folder = try ImageFolderFixture()
    try folder.fill()
    let task = try folder.open().train.task
    for channel in 0..<3 {
      let values = (0..<6).flatMap {
        ImageFolderFixture.planes(seed: $0, count: 192)[64 * channel..<64 * (channel + 1)]
      }
      .map { Double($0) / 255 }
      let mean = values.reduce(0, +) / Double(values.count)
      let variance = values.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(values.count)
      #expect(abs(Double(task.mean[channel]) - mean) < 0.000_051)
      #expect(abs(Double(task.deviation[channel]) - variance.squareRoot()) < 0.000_051)
    }
    #expect(try folder.open { $0.normalization = .cifar10 }.test.task.mean == ImageTask.cifar10.mean)
  }

  @Test func aPartForTestingIsChosenByTheNamesAlone() throws {
    let folder = try ImageFolderFixture()
    for number in 0..<40 { try folder.image("train/\(number % 2 == 0 ? "a" : "b")/\(number).png", seed: number) }
    #expect(folder.problem().contains("--test-fraction 0.1 keeps a part"))
    func tested() throws -> Set<String> {
      Set(try ImageFolder.list(folder.root, testFraction: 0.3).test.map(\.path))
    }
    let before = try tested()
    #expect((4...20).contains(before.count))
    let dataset = try folder.open { $0.testFraction = 0.3 }
    #expect(dataset.test.count == before.count && dataset.train.count == 40 - before.count)
    for number in 40..<50 { try folder.image("train/a/\(number).png", seed: number) }
    #expect(try tested().isSuperset(of: before), "what was for testing stays so")
  }

  @Test func theFirstClassesAlone() throws {
    let folder = try ImageFolderFixture()
    try folder.fill()
    try folder.image("train/eel/1.png", seed: 1)
    try folder.image("test/eel/1.png", seed: 2)
    let two = try folder.open { $0.classes = 2 }
    #expect(two.train.task.classNames == ["cat", "dog"] && two.train.count == 6 && two.test.count == 2)
    #expect(two.train.task.mean == (try folder.open().train.task.mean))
    #expect(
      folder.problem { $0.classes = 4 } == "data directory DIR: --classes 4 is out of range: 2 to the 3 there are")
  }

  @Test func whatIsWrongWithAFolderIsNamed() throws {
    func problem(_ fill: (ImageFolderFixture) throws -> Void) throws -> String {
      let folder = try ImageFolderFixture()
      try folder.fill()
      try fill(folder)
      return folder.problem()
    }
    func link(_ folder: ImageFolderFixture, _ path: String, to target: String) throws {
      try FileManager.default.createSymbolicLink(atPath: "\(folder.root)/\(path)", withDestinationPath: target)
    }
    #expect(try problem { _ in } == "nothing")
    #expect(
      try problem { try $0.image("train/Dog/9.png", seed: 1) }
        == "data directory DIR/train: the classes Dog and dog differ by case only; rename or merge them")
    #expect(
      try problem { try $0.write("train/eel/readme.txt", []) }
        == "data directory DIR/train/eel: no image (.jpg, .jpeg, .png) of class eel")
    #expect(
      try problem { try $0.image("test/eel/1.png", seed: 1) }
        == "data directory DIR/test/eel: no such class in DIR/train")
    #expect(
      try problem { try FileManager.default.removeItem(atPath: $0.root + "/train/dog") }
        == "data directory DIR/train: 1 class, expected a folder for each of 2 to 65535")
    #expect(
      try problem { try link($0, "train/dog/round", to: "../dog") }
        == "data directory DIR/train/dog/round/round: a link that leads back to a folder that it lies in")
    #expect(
      try problem { try link($0, "train/nowhere", to: "gone") }.hasPrefix(
        "data directory DIR/train/nowhere: No such file or directory"))
    #expect(
      try problem { try link($0, "train/dog/7.jpg", to: "7.jpg") }
        == "DIR/train/dog/7.jpg: Too many levels of symbolic links; --skip-unreadable leaves it out")
    #expect(
      try problem { try $0.write("train/dog/8.jpg", Array("hello, world".utf8)) }.contains(
        "DIR/train/dog/8.jpg: "))
    #expect(
      try problem { folder in
        for number in 0..<3 { try folder.write("train/dog/8\(number).png", [1, 2, 3]) }
      }.hasPrefix("3 images cannot be read, the first of them DIR/train/dog/80.png: "))
  }

  @Test func whatCannotBeReadIsLeftOutIfThatIsWanted() throws {
    let folder = try ImageFolderFixture()
    try folder.fill()
    try folder.write("train/dog/0.jpeg", Array("hello, world".utf8))
    try folder.write("train/dog/notes.txt", [])
    let dataset = try folder.open { $0.skipsUnreadable = true }
    #expect(dataset.train.count == 6 && dataset.otherFiles == 1)
    #expect(dataset.cache?.unreadable.map(\.path) == ["train/dog/0.jpeg"])
    #expect(try dataset.train.pixels(of: 5) == ImageFolderFixture.planes(seed: 5, count: 192))
  }

  @Test func namesThatAreNoTextAreNamed() throws {
    let folder = try ImageFolderFixture()
    try folder.fill()
    let path = Array("\(folder.root)/train/dog/".utf8) + [0xff] + Array(".png".utf8) + [0]
    let file = path.withUnsafeBufferPointer { bytes in
      bytes.withMemoryRebound(to: CChar.self) { creat($0.baseAddress!, 0o644) }
    }
    #expect(close(file) == 0)
    #expect(folder.problem() == "DIR/train/dog/\u{fffd}.png: its name is no UTF-8; --skip-unreadable leaves it out")
    #expect(try folder.open { $0.skipsUnreadable = true }.train.count == 6)
  }

  @Test func tinyImageNetHasItsLabelsInAFile() throws {
    let folder = try ImageFolderFixture()
    for (label, name) in ["n01", "n02"].enumerated() {
      for number in 0..<2 { try folder.image("train/\(name)/images/\(name)_\(number).JPEG", seed: 2 * label + number) }
      try folder.write("train/\(name)/\(name)_boxes.txt", [])
    }
    for number in 0..<3 { try folder.image("val/images/val_\(number).JPEG", seed: 10 + number) }
    let lines = "val_0.JPEG\tn02\t0\t0\t8\t8\nval_2.JPEG\tn01\t0\t0\t8\t8\n"
    try folder.write("val/val_annotations.txt", Array(lines.utf8))
    #expect(DatasetKind.recognize(folder.root) == .tinyImageNet)
    var settings = DatasetSettings()
    settings.imageSize = 8
    let dataset = try DatasetKind.tinyImageNet.open(folder.root, settings, cache: folder.settings)
    #expect(dataset.train.count == 4 && dataset.test.count == 2)
    #expect((0..<2).map { dataset.test.label(at: $0) } == [1, 0])
    #expect(try dataset.test.pixels(of: 1) == ImageFolderFixture.planes(seed: 12, count: 192))

    try folder.write("val/val_annotations.txt", Array("val_0.JPEG\tn03\t0\t0\t8\t8\n".utf8))
    #expect(throws: DatasetError.self) {
      try DatasetKind.tinyImageNet.open(folder.root, settings, cache: folder.settings)
    }
  }
}
