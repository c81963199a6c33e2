import Testing

@testable import Datasets

@Suite struct ContactSheetTests {
  @Test func aRowForEachClassAndAllThatATileShows() throws {
    let folder = try ImageFolderFixture()
    try folder.fill()
    let train = try folder.open().train
    let sheet = try ContactSheet(train)
    #expect(sheet.classes == [0, 1])
    let step = 8 * 8 + ContactSheet.gap
    #expect(sheet.image.width == 3 * step + ContactSheet.gap && sheet.image.height == 2 * step + ContactSheet.gap)
    func color(_ x: Int, _ y: Int) -> [UInt8] {
      let start = 3 * (y * sheet.image.width + x)
      return Array(sheet.image.pixels[start..<start + 3])
    }
    #expect(color(0, 0) == [255, 255, 255] && color(step, 5) == [255, 255, 255])
    for row in 0..<2 {
      for column in 0..<3 {
        let planes = try train.pixels(of: 2 * column + row)
        for (x, y) in [(0, 0), (63, 0), (8, 7), (7, 8), (20, 50), (63, 63)] {
          let source = y / 8 * 8 + x / 8
          #expect(
            color(ContactSheet.gap + column * step + x, ContactSheet.gap + row * step + y)
              == [planes[source], planes[64 + source], planes[128 + source]], "\(row), \(column): \(x), \(y)")
        }
      }
    }
  }

  @Test func ofManyClassesAndImagesSomeOfAllParts() throws {
    let task = SyntheticImages.task(size: 64, classes: 50)
    let images = SyntheticImages(split: .train, count: 600, seed: 0, task: task)
    let sheet = try ContactSheet(images)
    #expect(sheet.classes.count == ContactSheet.maximumRows)
    #expect(Array(sheet.classes.prefix(3)) == [0, 2, 5] && sheet.classes.last == 47)
    let step = 64 + ContactSheet.gap
    #expect(sheet.image.width == ContactSheet.maximumColumns * step + ContactSheet.gap)
    // Of twelve images of class 2 the tenth column shows the eleventh.
    let planes = try images.pixels(of: 10 * 50 + 2)
    let start = 3 * ((ContactSheet.gap + step) * sheet.image.width + ContactSheet.gap + 9 * step)
    #expect(Array(sheet.image.pixels[start..<start + 3]) == [planes[0], planes[4096], planes[8192]])
  }

  @Test func aClassWithoutImagesHasNoRow() throws {
    let task = SyntheticImages.task(size: 32, classes: 10)
    #expect(try ContactSheet(SyntheticImages(split: .train, count: 3, seed: 0, task: task)).classes == [0, 1, 2])
  }

  @Test func sizesAreOrderedByTheirPixels() {
    #expect(SourceSizes([]) == nil)
    let sizes = SourceSizes([(9, 9), (100, 1), (3, 2), (2, 3), (10, 10)].map { ImageSides(width: $0.0, height: $0.1) })
    #expect(sizes.map { "\($0.smallest) \($0.median) \($0.largest)" } == "2x3 9x9 100x1")
  }
}
