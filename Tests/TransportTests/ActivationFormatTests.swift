import FoundationEssentials
import Testing

@testable import Transport

@Suite struct ActivationFormatTests {
  @Test(arguments: [-1, 0, 9, 15, 17, 31, 33, 64])
  func otherBitWidthsAreRefused(bits: Int) {
    #expect(throws: CodecError.unsupportedBits(bits)) { try ActivationFormat(bits: bits) }
    let json = #"{"bits": \#(bits), "scale": "tensor", "compression": "none"}"#
    #expect(throws: CodecError.unsupportedBits(bits)) {
      try JSONDecoder().decode(ActivationFormat.self, from: Data(json.utf8))
    }
  }

  @Test(arguments: [0, -0.5, 0.009, 1.001, .nan, .infinity])
  func otherFullScalesAreRefused(fullScale: Double) {
    let error = #expect(throws: CodecError.self) { try ActivationFormat(bits: 2, fullScale: fullScale) }
    #expect(
      "\(error ?? .zstd(""))"
        == "full scale is \(fullScale), expected 0.01 to 1 (a fraction of the largest value)")
  }

  @Test func fullScaleUnlessGiven() throws {
    for bits in CodecFixture.allBits where bits > 2 {
      for scale in ScaleGranularity.allCases {
        #expect(try ActivationFormat(bits: bits, scale: scale).fullScale == 1, "\(bits) bits")
      }
    }
    #expect(try ActivationFormat(bits: 1).fullScale == 0.35)
    #expect(try ActivationFormat(bits: 1, scale: .channel).fullScale == 0.5)
    #expect(try ActivationFormat(bits: 2).fullScale == 0.5)
    #expect(try ActivationFormat(bits: 2, scale: .channel).fullScale == 1)
    #expect(try ActivationFormat(bits: 2, fullScale: 0.7).fullScale == 0.7)
    // No codes, nothing to clip: equal formats are equal.
    let exact = try ActivationFormat(bits: 16)
    #expect(try ActivationFormat(bits: 16, fullScale: 0.7) == exact)
    // What was written before there was a choice.
    let json = Data(#"{"bits": 2, "scale": "tensor", "compression": "none"}"#.utf8)
    #expect(try JSONDecoder().decode(ActivationFormat.self, from: json).fullScale == 1)
  }

  @Test func errorsAreOneLineAndNameWhatIsAllowed() {
    #expect(
      "\(CodecError.unsupportedBits(9))"
        == "bits is 9, expected 1 to 8 (packed codes), 16 or 32 (floating point)")
    #expect(
      "\(CodecError.unexpected(field: "width", expected: "8", actual: "4"))"
        == "encoded activations: width is 4, expected 8")
    #expect(
      "\(CodecError.nonFinite(index: 12, value: "nan"))"
        == "activation 12 is nan, expected a finite number")
    #expect("\(CodecError.zstd("Unknown frame"))" == "encoded activations: zstd failed: Unknown frame")
  }

  @Test func formatsSurviveJSON() throws {
    for bits in CodecFixture.allBits {
      for scale in ScaleGranularity.allCases {
        for compression in ActivationCompression.allCases {
          let format = try ActivationFormat(bits: bits, scale: scale, compression: compression)
          let data = try JSONEncoder().encode(format)
          #expect(try JSONDecoder().decode(ActivationFormat.self, from: data) == format)
        }
      }
    }
  }

  @Test func bytesPerImage() throws {
    #expect(try ActivationFormat(bits: 4).payloadBytesPerImage(values: 4096) == 2048)
    #expect(try ActivationFormat(bits: 2).payloadBytesPerImage(values: 4096) == 1024)
    #expect(try ActivationFormat(bits: 3).payloadBytesPerImage(values: 9) == 4)
    #expect(try ActivationFormat(bits: 16).payloadBytesPerImage(values: 9) == 18)
    let shape = ActivationShape(count: 128, height: 8, width: 8, channels: 64)
    #expect(try ActivationFormat(bits: 4).encodedByteCount(shape: shape) == 24 + 5 + 128 * 2048)
    #expect(
      try ActivationFormat(bits: 4, scale: .channel).encodedByteCount(shape: shape)
        == 24 + 5 * 64 + 128 * 2048)
    #expect(try ActivationFormat(bits: 32).encodedByteCount(shape: shape) == 24 + 128 * 16384)
  }

  @Test func aTensorTooLargeForTheHeaderIsRefused() throws {
    let format = try ActivationFormat(bits: 32)
    let shape = ActivationShape(count: 1 << 20, height: 32, width: 32, channels: 1)
    #expect(
      throws: CodecError.unexpected(
        field: "bytes of the packed codes", expected: "at most 4294967295", actual: "4294967296")
    ) {
      try EncodedActivations(shape: shape, format: format)
    }
  }
}
