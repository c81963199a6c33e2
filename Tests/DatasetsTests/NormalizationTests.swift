import Compute
import TestSupport
import Testing

@testable import Datasets

@Suite struct NormalizationTests {
  @Test func valuesByHand() {
    let normalization = Normalization(.cifar10)
    // (0/255 − 0.4914)/0.2470, (255/255 − 0.4822)/0.2435 and (128/255 − 0.4465)/0.2616, worked out by hand.
    #expect(abs(normalization.value(of: 0, channel: 0) - -1.989_474) <= 1e-5)
    #expect(abs(normalization.value(of: 255, channel: 1) - 2.126_489) <= 1e-5)
    #expect(abs(normalization.value(of: 128, channel: 2) - 0.212_011) <= 1e-5)
  }

  /// Pads, crops, mirrors and normalizes step by step, in double precision.
  private func reference(
    _ task: ImageTask, _ planes: [UInt8], crop: CropAndFlip, padding: Int
  ) -> [Double] {
    let (height, width, channels) = (task.shape.height, task.shape.width, task.shape.channels)
    let stride = width + 2 * padding
    var result = [Double](repeating: .nan, count: task.imageBytes)
    for channel in 0..<channels {
      var padded = [UInt8](repeating: 0, count: (height + 2 * padding) * stride)
      for y in 0..<height {
        for x in 0..<width {
          padded[(y + padding) * stride + x + padding] = planes[(channel * height + y) * width + x]
        }
      }
      for y in 0..<height {
        var row = (0..<width).map {
          padded[(y + padding + crop.rowShift) * stride + padding + crop.columnShift + $0]
        }
        if crop.flipped { row.reverse() }
        for x in 0..<width {
          result[(y * width + x) * channels + channel] =
            (Double(row[x]) / 255 - Double(task.mean[channel])) / Double(task.deviation[channel])
        }
      }
    }
    return result
  }

  /// Number of values that are not within 1e-5 of the reference.
  private func mismatches(_ task: ImageTask = .cifar10, crop: CropAndFlip, padding: Int) throws -> Int {
    let planes = try PatternImages(task, count: 2).pixels(of: 1)
    var output = [Float](repeating: .nan, count: task.imageBytes)
    Normalization(task).convert(planes, crop: crop, into: &output)
    let expected = reference(task, planes, crop: crop, padding: padding)
    return zip(output, expected).count { !(abs(Double($0) - $1) <= 1e-5) }
  }

  private let fourChannels = ImageTask(
    shape: FeatureShape(height: 3, width: 2, channels: 4), classes: 2, mean: [0, 0.25, 0.5, 1],
    deviation: [1, 0.5, 0.25, 2])

  @Test(arguments: [-4, -3, 0, 1, 4], [false, true])
  func cropAndFlipEqualReference(rowShift: Int, flipped: Bool) throws {
    for columnShift in -4...4 {
      let crop = CropAndFlip(rowShift: rowShift, columnShift: columnShift, flipped: flipped)
      for task in [ImageTask.cifar10, .small, fourChannels] {
        #expect(try mismatches(task, crop: crop, padding: 4) == 0, "\(crop), \(task)")
      }
    }
  }

  @Test(arguments: [-33, -32, -31, 31, 32, 33])
  func shiftsBeyondTheImageAreBlack(shift: Int) throws {
    for crop in [
      CropAndFlip(rowShift: shift, columnShift: 0, flipped: false),
      CropAndFlip(rowShift: 0, columnShift: shift, flipped: true),
    ] {
      #expect(try mismatches(crop: crop, padding: 33) == 0, "\(crop)")
    }
  }

  @Test func onePixelGoesWhereItShould() {
    // Red of row 5, column 7.
    var planes = [UInt8](repeating: 0, count: 3072)
    planes[5 * 32 + 7] = 255
    let normalization = Normalization(
      ImageTask(
        shape: ImageTask.cifar10.shape, classes: 10, mean: [0, 0, 0], deviation: [1, 1, 1]))
    func place(_ crop: CropAndFlip) -> [Int] {
      var output = [Float](repeating: .nan, count: 3072)
      normalization.convert(planes, crop: crop, into: &output)
      return output.indices.filter { output[$0] != 0 }
    }
    #expect(place(.identity) == [(5 * 32 + 7) * 3])
    #expect(place(CropAndFlip(rowShift: 2, columnShift: -4, flipped: false)) == [(3 * 32 + 11) * 3])
    #expect(place(CropAndFlip(rowShift: -1, columnShift: 3, flipped: true)) == [(6 * 32 + 27) * 3])
    #expect(place(CropAndFlip(rowShift: 6, columnShift: 0, flipped: false)).isEmpty)
  }
}
