import Foundation
import Images
import Platform
import TestSupport
import Testing

@testable import Datasets

@Suite struct ImageCacheTests {
  private func files(_ folder: ImageFolderFixture) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.base.file("cache")).sorted()
  }

  private func path(_ folder: ImageFolderFixture) throws -> String {
    folder.base.file("cache/" + (try #require(try files(folder).first)))
  }

  @Test func filesAreDecodedOnce() throws {
    let folder = try ImageFolderFixture()
    try folder.fill()
    let first = try folder.open()
    #expect(first.cache?.wasThere == false)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path(folder)))
    let second = try folder.open()
    #expect(second.cache?.wasThere == true && second.train.task == first.train.task)
    #expect(try Data(contentsOf: URL(fileURLWithPath: path(folder))) == bytes)
    #expect(try files(folder).count == 1)
    let sides = ImageSides(width: 8, height: 8)
    #expect(first.cache?.sourceSizes == SourceSizes([sides]))
    #expect(second.cache?.sourceSizes == first.cache?.sourceSizes)
  }

  /// A new user has no ~/.cache.
  @Test func theFoldersOnTheWayAreMade() throws {
    let folder = try ImageFolderFixture()
    try folder.fill()
    var settings = folder.settings
    settings.directory = folder.base.file("home/.cache/trainer")
    let cache = try ImageCache(ImageFolder.list(folder.root, testFraction: nil), settings)
    #expect(cache.path.hasPrefix(settings.directory) && FileManager.default.fileExists(atPath: cache.path))
  }

  @Test func theBytesDoNotDependOnTheThreads() throws {
    let folder = try ImageFolderFixture()
    try folder.fill()
    _ = try folder.open()
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path(folder)))
    try FileManager.default.removeItem(atPath: path(folder))
    var settings = DatasetSettings()
    settings.imageSize = 8
    var cache = folder.settings
    cache.threads = 1
    _ = try DatasetKind.folder.open(folder.root, settings, cache: cache)
    #expect(try Data(contentsOf: URL(fileURLWithPath: path(folder))) == bytes)
  }

  @Test func aChangeOfAFileIsSeen() throws {
    let folder = try ImageFolderFixture()
    try folder.fill()
    _ = try folder.open()
    try folder.image("train/dog/3.png", seed: 99)
    let changed = try folder.open()
    #expect(changed.cache?.wasThere == false)
    #expect(try changed.train.pixels(of: 3) == ImageFolderFixture.planes(seed: 99, count: 192))
    try folder.image("train/cat/6.png", seed: 6)
    #expect(try folder.open().train.count == 7)
    try FileManager.default.removeItem(atPath: folder.root + "/train/cat/6.png")
    #expect(try folder.open().train.count == 6)
    #expect(try files(folder).count == 1)
  }

  @Test func whateverIsWrongWithTheFileItIsMadeAgain() throws {
    let folder = try ImageFolderFixture()
    try folder.fill()
    let expected = try folder.open().train.pixels(of: 4)
    let path = try path(folder)
    let good = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
    for place in [0, 4, 10, 16, 17, 300, good.count - 300, good.count - 9, good.count - 6, good.count - 1] {
      var bad = good
      bad[place] ^= 0x41
      try Data(bad).write(to: URL(fileURLWithPath: path))
      let dataset = try folder.open()
      #expect(dataset.cache?.wasThere == false, "byte \(place)")
      #expect(try dataset.train.pixels(of: 4) == expected)
    }
    for count in [0, 1, 15, 16, 24, 200, good.count - 1] {
      try Data(good[..<count]).write(to: URL(fileURLWithPath: path))
      #expect(try folder.open().cache?.wasThere == false, "\(count) bytes")
    }
    #expect(try [UInt8](Data(contentsOf: URL(fileURLWithPath: path))) == good)
  }

  @Test func anotherSizeOrPartHasItsOwnFile() throws {
    let folder = try ImageFolderFixture()
    for number in 0..<12 { try folder.image("train/\(number % 2)/\(number).png", seed: number, width: 20, height: 16) }
    _ = try folder.open { $0.testFraction = 0.3 }
    let larger = try folder.open { ($0.testFraction, $0.imageSize) = (0.3, 16) }
    #expect(larger.train.task.shape.height == 16)
    #expect(larger.cache?.sourceSizes?.median == ImageSides(width: 20, height: 16))
    _ = try folder.open { $0.testFraction = 0.5 }
    #expect(try files(folder).count == 3)
  }

  @Test func anInterruptionOrAFullDiskLeavesNothing() throws {
    let folder = try ImageFolderFixture()
    try folder.fill()
    var settings = folder.settings
    settings.interruption = Interruption()
    settings.interruption.request()
    let listing = try ImageFolder.list(folder.root, testFraction: nil)
    #expect(throws: InterruptedError.self) { try ImageCache(listing, settings) }
    #expect(try files(folder) == [])
    settings.interruption = Interruption()
    settings.directory = "/dev/full/cache"
    #expect(throws: FileError.self) { try ImageCache(listing, settings) }
  }
}
