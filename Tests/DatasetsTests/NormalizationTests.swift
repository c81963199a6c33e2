import Testing

@testable import Datasets

@Suite struct NormalizationTests {
  @Test func valuesByHand() {
    let normalization = Normalization.cifar10
    // (0/255 − 0.4914)/0.2470, (255/255 − 0.4822)/0.2435 and (128/255 − 0.4465)/0.2616, worked out by hand.
    #expect(abs(normalization.value(of: 0, channel: 0) - -1.989_474) <= 1e-5)
    #expect(abs(normalization.value(of: 255, channel: 1) - 2.126_489) <= 1e-5)
    #expect(abs(normalization.value(of: 128, channel: 2) - 0.212_011) <= 1e-5)
  }

  /// Pads, crops, mirrors and normalizes step by step, in double precision.
  private func reference(_ planes: [UInt8], crop: CropAndFlip, padding: Int) -> [Double] {
    let mean = [0.4914, 0.4822, 0.4465]
    let deviation = [0.2470, 0.2435, 0.2616]
    let side = 32 + 2 * padding
    var result = [Double](repeating: .nan, count: 3072)
    for channel in 0..<3 {
      var padded = [UInt8](repeating: 0, count: side * side)
      for y in 0..<32 {
        for x in 0..<32 {
          padded[(y + padding) * side + x + padding] = planes[channel * 1024 + y * 32 + x]
        }
      }
      for y in 0..<32 {
        var row = (0..<32).map {
          padded[(y + padding + crop.rowShift) * side + padding + crop.columnShift + $0]
        }
        if crop.flipped { row.reverse() }
        for x in 0..<32 {
          result[(y * 32 + x) * 3 + channel] = (Double(row[x]) / 255 - mean[channel]) / deviation[channel]
        }
      }
    }
    return result
  }

  /// Number of values that are not within 1e-5 of the reference.
  private func mismatches(crop: CropAndFlip, padding: Int) -> Int {
    let planes = CIFARFixture.pixels(file: 1, record: 2)
    var output = [Float](repeating: .nan, count: 3072)
    Normalization.cifar10.convert(planes, crop: crop, into: &output)
    let expected = reference(planes, crop: crop, padding: padding)
    return zip(output, expected).count { !(abs(Double($0) - $1) <= 1e-5) }
  }

  @Test(arguments: [-4, -3, 0, 1, 4], [false, true])
  func cropAndFlipEqualReference(rowShift: Int, flipped: Bool) {
    for columnShift in -4...4 {
      let crop = CropAndFlip(rowShift: rowShift, columnShift: columnShift, flipped: flipped)
      #expect(mismatches(crop: crop, padding: 4) == 0, "\(crop)")
    }
  }

  @Test(arguments: [-33, -32, -31, 31, 32, 33])
  func shiftsBeyondTheImageAreBlack(shift: Int) {
    for crop in [
      CropAndFlip(rowShift: shift, columnShift: 0, flipped: false),
      CropAndFlip(rowShift: 0, columnShift: shift, flipped: true),
    ] {
      #expect(mismatches(crop: crop, padding: 33) == 0, "\(crop)")
    }
  }

  @Test func onePixelGoesWhereItShould() {
    // Red of row 5, column 7.
    var planes = [UInt8](repeating: 0, count: 3072)
    planes[5 * 32 + 7] = 255
    let normalization = Normalization(mean: SIMD3(0, 0, 0), standardDeviation: SIMD3(1, 1, 1))
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
