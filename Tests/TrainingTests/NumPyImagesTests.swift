import Foundation
import TestSupport
import Testing

@testable import Datasets
@testable import Training
@testable import WeightFiles

@Suite struct NumPyImagesTests {
  @Test func imagesAreWrittenAsPlanes() throws {
    let images = SyntheticImages(split: .test, count: 2, seed: 1)
    var pixels = [UInt8](repeating: 0, count: 2 * images.task.imageBytes)
    pixels.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      images.draw(0, into: base)
      images.draw(1, into: base + images.task.imageBytes)
    }
    let bytes = try withTemporaryDirectory { directory in
      try NumPyFile.write(images, to: directory + "/images.npy")
      return try contents(directory + "/images.npy")
    }
    #expect(bytes == NumPyFile.header("|u1", shape: [2, 3, 32, 32]) + pixels)
  }
}
