import Compute
import TestSupport
import Testing

@Suite struct Im2colTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var shape: FeatureShape
    var kernelSize: Int
    var stride: Int
    var padding: Int

    var geometry: ConvolutionGeometry? {
      ConvolutionGeometry(input: shape, kernelSize: kernelSize, stride: stride, padding: padding)
    }
    var testDescription: String { "\(shape), kernel \(kernelSize), stride \(stride), padding \(padding)" }
  }

  static let count = 3

  static let cases: [Case] = [
    Case(shape: FeatureShape(height: 5, width: 7, channels: 4), kernelSize: 1, stride: 1, padding: 0),
    Case(shape: FeatureShape(height: 5, width: 7, channels: 4), kernelSize: 1, stride: 2, padding: 0),
    Case(shape: FeatureShape(height: 5, width: 7, channels: 4), kernelSize: 1, stride: 1, padding: 1),
    Case(shape: FeatureShape(height: 5, width: 7, channels: 4), kernelSize: 3, stride: 1, padding: 0),
    Case(shape: FeatureShape(height: 5, width: 7, channels: 4), kernelSize: 3, stride: 1, padding: 1),
    Case(shape: FeatureShape(height: 6, width: 5, channels: 3), kernelSize: 3, stride: 2, padding: 1),
    Case(shape: FeatureShape(height: 4, width: 6, channels: 2), kernelSize: 3, stride: 1, padding: 3),
    // The kernel is wider than the image: runs are cut on both sides.
    Case(shape: FeatureShape(height: 4, width: 5, channels: 3), kernelSize: 7, stride: 1, padding: 3),
    Case(shape: FeatureShape(height: 9, width: 8, channels: 3), kernelSize: 7, stride: 2, padding: 3),
    // Runs of 33 and more values take the other way of copying.
    Case(shape: FeatureShape(height: 4, width: 5, channels: 11), kernelSize: 3, stride: 1, padding: 1),
    Case(shape: FeatureShape(height: 5, width: 4, channels: 1), kernelSize: 2, stride: 3, padding: 0),
  ]

  /// The definition: the value at row `p`, column `(kernelRow, kernelColumn, channel)`, one by one.
  static func naive(_ geometry: ConvolutionGeometry, _ images: Tensor) -> [Float] {
    let input = geometry.input
    var matrix: [Float] = []
    for image in 0..<images.count {
      for y in 0..<geometry.outputHeight {
        for x in 0..<geometry.outputWidth {
          for kernelRow in 0..<geometry.kernelSize {
            for kernelColumn in 0..<geometry.kernelSize {
              let row = y * geometry.stride - geometry.padding + kernelRow
              let column = x * geometry.stride - geometry.padding + kernelColumn
              let inside = row >= 0 && row < input.height && column >= 0 && column < input.width
              for channel in 0..<input.channels {
                let index = ((image * input.height + row) * input.width + column) * input.channels + channel
                matrix.append(inside ? images.data[index] : 0)
              }
            }
          }
        }
      }
    }
    return matrix
  }

  @Test(arguments: cases, [1, 5, 1000]) func equalsItsDefinition(_ row: Case, tileRows: Int) throws {
    let geometry = try #require(row.geometry)
    let images = Tensor.random(geometry.input, count: Self.count)
    let rows = Self.count * geometry.outputPositions
    let matrix = Tensor(FeatureShape(channels: geometry.patchValues), count: rows)
    matrix.buffer.update(repeating: .nan)
    for lower in stride(from: 0, to: rows, by: tileRows) {
      geometry.im2col(
        images.data, rows: lower..<min(rows, lower + tileRows),
        into: matrix.data + lower * geometry.patchValues)
    }
    expectSame(matrix.buffer, Self.naive(geometry, images), row.testDescription)
  }

  @Test(arguments: cases, [1, 5, 1000]) func col2imIsTheAdjoint(_ row: Case, tileRows: Int) throws {
    let geometry = try #require(row.geometry)
    let x = Tensor.random(geometry.input, count: Self.count, seed: 1)
    let rows = Self.count * geometry.outputPositions
    let y = Tensor.random(FeatureShape(channels: geometry.patchValues), count: rows, seed: 2)
    let before = Tensor.random(geometry.input, count: Self.count, seed: 3)  // col2im adds
    let scattered = Tensor(geometry.input, count: Self.count)
    scattered.copy(from: before)
    for lower in stride(from: 0, to: rows, by: tileRows) {
      geometry.col2im(
        y.data + lower * geometry.patchValues, rows: lower..<min(rows, lower + tileRows),
        addingTo: scattered.data)
    }
    let gathered = zip(Self.naive(geometry, x), y.buffer).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
    let returned = x.buffer.indices.reduce(0.0) {
      $0 + Double(x.data[$1]) * (Double(scattered.data[$1]) - Double(before.data[$1]))
    }
    #expect(abs(gathered - returned) <= 1e-5 * max(1, abs(gathered)), "<im2col(x), y> == <x, col2im(y)>")
  }

  @Test func byHand() throws {
    // 2x3 pixels 1…6 of one channel under a 2x2 kernel: two positions.
    let geometry = try #require(
      ConvolutionGeometry(
        input: FeatureShape(height: 2, width: 3, channels: 1), kernelSize: 2, stride: 1, padding: 0))
    let image = Tensor(geometry.input, [1, 2, 3, 4, 5, 6])
    let tile = Tensor(FeatureShape(channels: 4), count: 2)
    geometry.im2col(image.data, rows: 0..<2, into: tile.data)
    expectSame(tile.buffer, [1, 2, 4, 5, 2, 3, 5, 6])
    let sum = Tensor(geometry.input, count: 1)
    geometry.col2im(tile.data, rows: 0..<2, addingTo: sum.data)
    expectSame(sum.buffer, [1, 4, 3, 4, 10, 6])  // the middle column is under both
  }
}
