import Images

/// Some images side by side, a row for each class, as a network sees them: resized and cut, not normalized.
///
/// Which ones depends on the collection alone: classes and images that lie equally far apart.
package struct ContactSheet {
  static let maximumRows = 20
  static let maximumColumns = 10
  /// Pixels that a side of a smaller image is enlarged to, as far as a whole factor goes.
  static let tileSide = 64
  /// White pixels around each image.
  static let gap = 2

  /// The class of each row, from the top.
  package let classes: [Int]
  package let image: DecodedImage

  /// - Parameter images: at least one; square ones of three channels.
  /// - Throws: `DatasetError` if one cannot be read.
  package init(_ images: any LabeledImages) throws {
    let rows = Self.rows(images)
    classes = rows.map { Int(images.label(at: $0[0])) }
    let size = images.task.shape.height
    let factor = max(1, Self.tileSide / size)
    let step = size * factor + Self.gap
    let width = Self.gap + step * rows.reduce(1) { max($0, $1.count) }
    let height = Self.gap + step * rows.count
    var pixels = [UInt8](repeating: 255, count: 3 * width * height)
    var planes = [UInt8](repeating: 0, count: images.task.imageBytes)
    for (row, indices) in rows.enumerated() {
      for (column, index) in indices.enumerated() {
        try images.copyPixels(of: index, into: &planes)
        let corner = (Self.gap + row * step) * width + Self.gap + column * step
        for y in 0..<size * factor {
          for x in 0..<size * factor {
            let source = y / factor * size + x / factor
            let target = 3 * (corner + y * width + x)
            for color in 0..<3 { pixels[target + color] = planes[color * size * size + source] }
          }
        }
      }
    }
    image = try DecodedImage(width: width, height: height, pixels: pixels)
  }

  /// Indices of images of one class each.
  private static func rows(_ images: any LabeledImages) -> [[Int]] {
    let counts = images.countsByClass()
    let classes = spread(counts.indices.filter { counts[$0] > 0 }, maximumRows)
    var members = [Int: [Int]](uniqueKeysWithValues: classes.map { ($0, []) })
    for index in 0..<images.count { members[Int(images.label(at: index))]?.append(index) }
    return classes.map { spread(members[$0] ?? [], maximumColumns) }
  }

  /// At most so many of the values, equally far apart.
  private static func spread(_ values: [Int], _ limit: Int) -> [Int] {
    let count = min(values.count, limit)
    return (0..<count).map { values[$0 * values.count / count] }
  }
}
