import Testing

@testable import Transport

@Suite struct ActivationCodecTests {
  /// (high − low) / levels of value `index`'s group, in Double.
  private func step(_ values: [Float], _ shape: ActivationShape, _ format: ActivationFormat, at index: Int)
    -> Double
  {
    let groups = format.scaleCount(channels: shape.channels)
    let group = stride(from: index % groups, to: values.count, by: groups).map { Double(values[$0]) }
    return (max(0, group.max() ?? 0) - min(0, group.min() ?? 0)) / Double(format.maximumCode)
  }

  @Test(arguments: CodecFixture.codeBits, ScaleGranularity.allCases)
  func errorIsAtMostHalfAStep(bits: Int, scale: ScaleGranularity) throws {
    let codec = try CodecFixture.codec(bits, scale)
    for shape in CodecFixture.shapes {
      let values = CodecFixture.tensor(shape)
      let decoded = try codec.decoded(try codec.encoded(values, shape), expecting: shape)
      let groups = codec.format.scaleCount(channels: shape.channels)
      let steps = (0..<groups).map { step(values, shape, codec.format, at: $0) }
      // Written so that a NaN is a violation.
      let violation = values.indices.first { index in
        let (value, result) = (Double(values[index]), Double(decoded[index]))
        return !(abs(result - value) <= steps[index % groups] * 0.5001 + abs(value) * 0x1p-22)
      }
      #expect(
        violation == nil,
        "\(shape), value \(violation ?? 0): \(values[violation ?? 0]) became \(decoded[violation ?? 0])")
    }
  }

  @Test(arguments: CodecFixture.allBits, ScaleGranularity.allCases)
  func zerosStayExactZeros(bits: Int, scale: ScaleGranularity) throws {
    let shape = CodecFixture.shapes[2]
    let values = CodecFixture.tensor(shape)
    let allZero = [Float](repeating: 0, count: shape.valueCount)
    for fullScale in [1, 0.3, 0.01] {
      let codec = try CodecFixture.codec(bits, scale, fullScale: fullScale)
      let decoded = try codec.decoded(try codec.encoded(values, shape), expecting: shape)
      let violation = values.indices.first { values[$0] == 0 && decoded[$0].bitPattern != 0 }
      #expect(violation == nil, "value \(violation ?? 0) became \(decoded[violation ?? 0])")
      let bytes = try codec.encoded(allZero, shape)
      #expect(try codec.decoded(bytes, expecting: shape) == allZero)
      if bits <= 8 { #expect(Array(bytes[24..<28]) == [0, 0, 0x80, 0x3F], "the scale of zeros is 1") }
    }
  }

  /// Within the full scale as close as ever, beyond it at its end.
  @Test(arguments: CodecFixture.codeBits, ScaleGranularity.allCases)
  func clippedValuesBecomeTheLargestCode(bits: Int, scale: ScaleGranularity) throws {
    for fullScale in [0.75, 0.35, 0.1] {
      let codec = try CodecFixture.codec(bits, scale, fullScale: fullScale)
      for shape in CodecFixture.shapes {
        let values = CodecFixture.tensor(shape).map { max(0, $0) }
        let decoded = try codec.decoded(try codec.encoded(values, shape), expecting: shape)
        let groups = codec.format.scaleCount(channels: shape.channels)
        let steps = (0..<groups).map { fullScale * step(values, shape, codec.format, at: $0) }
        let violation = values.indices.first { index in
          let step = steps[index % groups]
          let expected = min(Double(values[index]), step * Double(codec.format.maximumCode))
          return !(abs(Double(decoded[index]) - expected) <= step * 0.5001 + expected * 0x1p-22)
        }
        #expect(
          violation == nil,
          "\(shape), value \(violation ?? 0): \(values[violation ?? 0]) became \(decoded[violation ?? 0])")
      }
    }
  }

  @Test func goldenClipping() throws {
    let shape = ActivationShape(count: 1, height: 1, width: 2, channels: 4)
    let codec = try CodecFixture.codec(2, fullScale: 0.5)
    let bytes = try codec.encoded([0, 1, 2, 12, 3, 6, 7, 0.9], shape)
    // Scale 6 / 3 = 2; codes 0, 0 (a tie), 1, 3, 2 (a tie), 3, 3, 0.
    #expect(Array(bytes[24...]) == [0, 0, 0, 0x40, 0, 0b11_01_00_00, 0b00_11_11_10])
    #expect(try codec.decoded(bytes, expecting: shape) == [0, 0, 2, 6, 4, 6, 6, 0])
    // Both ends move; the zero point stays an integer code.
    let signed = try codec.encoded([-4, -2, -1, 0, 1, 2, 4, 8], shape)
    #expect(Array(signed[24...]) == [0, 0, 0, 0x40, 1, 0b01_00_00_00, 0b11_11_10_10])
    #expect(try codec.decoded(signed, expecting: shape) == [-2, -2, -2, 0, 2, 2, 4, 4])
  }

  @Test func rectifiedValuesHaveZeroPointZero() throws {
    let shape = ActivationShape(count: 1, height: 2, width: 3, channels: 5)
    let values = CodecFixture.tensor(shape).map { max(0, $0) }
    let bytes = try CodecFixture.codec(4, .channel).encoded(values, shape)
    #expect(Array(bytes[(24 + 20)..<(24 + 25)]) == [0, 0, 0, 0, 0])
  }

  @Test func allNegativeValuesKeepZeroAsTheLargestCode() throws {
    let shape = ActivationShape(count: 1, height: 1, width: 1, channels: 3)
    let codec = try CodecFixture.codec(2)
    let bytes = try codec.encoded([-3, -2, -1], shape)
    #expect(Array(bytes[24...]) == [0, 0, 0x80, 0x3F, 3, 0b10_01_00])
    #expect(try codec.decoded(bytes, expecting: shape) == [-3, -2, -1])
  }

  @Test func perChannelScalesKeepSmallChannels() throws {
    let shape = ActivationShape(count: 1, height: 1, width: 2, channels: 2)
    let values: [Float] = [1000, 0.001, 500, 0.0005]
    let perChannel = try CodecFixture.codec(8, .channel)
    let perTensor = try CodecFixture.codec(8, .tensor)
    let channelwise = try perChannel.decoded(try perChannel.encoded(values, shape), expecting: shape)
    #expect(abs(channelwise[1] - 0.001) <= 1e-8)
    #expect(try perTensor.decoded(try perTensor.encoded(values, shape), expecting: shape)[1] == 0)
  }

  /// docs/protocol.md shows these bytes.
  @Test func goldenFourBitsPerTensor() throws {
    let shape = ActivationShape(count: 1, height: 1, width: 2, channels: 3)
    let codec = try CodecFixture.codec(4)
    let bytes = try codec.encoded([0, 1, 2, 15, 7.4, 7.6], shape)
    let golden: [UInt8] = [
      0x01, 0x00, 0x00, 0x00,  // count
      0x01, 0x00, 0x00, 0x00,  // height
      0x02, 0x00, 0x00, 0x00,  // width
      0x03, 0x00, 0x00, 0x00,  // channels
      0x04, 0x00, 0x00, 0x00,  // 4 bits, scale per tensor, no compression, reserved
      0x03, 0x00, 0x00, 0x00,  // bytes of packed codes
      0x00, 0x00, 0x80, 0x3F,  // scale 1
      0x00,  // zero point 0
      0x10, 0xF2, 0x87,  // codes 0, 1, 2, 15, 7, 8
    ]
    #expect(bytes == golden)
    #expect(try codec.decoded(golden, expecting: shape) == [0, 1, 2, 15, 7, 8])
  }

  /// docs/protocol.md shows these bytes.
  @Test func goldenThreeBitsPerChannel() throws {
    let shape = ActivationShape(count: 1, height: 3, width: 1, channels: 3)
    let codec = try CodecFixture.codec(3, .channel)
    let bytes = try codec.encoded([4, 1.1, -0.3, -3, 3.5, 0, 1.2, 0, -1.75], shape)
    let golden: [UInt8] = [
      0x01, 0x00, 0x00, 0x00,  // count
      0x03, 0x00, 0x00, 0x00,  // height
      0x01, 0x00, 0x00, 0x00,  // width
      0x03, 0x00, 0x00, 0x00,  // channels
      0x03, 0x01, 0x00, 0x00,  // 3 bits, scale per channel, no compression, reserved
      0x04, 0x00, 0x00, 0x00,  // bytes of packed codes
      0x00, 0x00, 0x80, 0x3F,  // scale of channel 0: 7 / 7 = 1
      0x00, 0x00, 0x00, 0x3F,  // channel 1: 3.5 / 7 = 0.5
      0x00, 0x00, 0x80, 0x3E,  // channel 2: 1.75 / 7 = 0.25
      0x03, 0x00, 0x07,  // zero points
      0x97, 0xF1, 0x13, 0x00,  // codes 7, 2, 6, 0, 7, 7, 4, 0, 0 and 5 padding bits
    ]
    #expect(bytes == golden)
    #expect(try codec.decoded(golden, expecting: shape) == [4, 1, -0.25, -3, 3.5, 0, 1, 0, -1.75])
  }

  @Test(arguments: CodecFixture.allBits, ScaleGranularity.allCases)
  func sizesAreExact(bits: Int, scale: ScaleGranularity) throws {
    let codec = try CodecFixture.codec(bits, scale)
    for shape in CodecFixture.shapes {
      let bytes = try codec.encoded(CodecFixture.tensor(shape), shape)
      let scales = bits > 8 ? 0 : scale == .tensor ? 1 : shape.channels
      #expect(bytes.count == 24 + 5 * scales + (shape.valueCount * bits + 7) / 8)
      #expect(codec.format.encodedByteCount(shape: shape) == bytes.count)
    }
  }

  @Test(arguments: CodecFixture.allBits, ScaleGranularity.allCases)
  func quantizingInPlaceEqualsDecodingTheEncoded(bits: Int, scale: ScaleGranularity) throws {
    for compression in ActivationCompression.allCases {
      for fullScale in [1, 0.3] {
        let codec = try CodecFixture.codec(bits, scale, compression, fullScale: fullScale)
        for shape in CodecFixture.shapes {
          let values = CodecFixture.tensor(shape, seed: 5)
          let decoded = try codec.decoded(try codec.encoded(values, shape), expecting: shape)
          var inPlace = values
          try codec.quantizeInPlace(&inPlace, shape: shape)
          let isEqual = inPlace.map(\.bitPattern) == decoded.map(\.bitPattern)
          #expect(isEqual, "\(shape), \(compression), full scale \(fullScale)")
        }
      }
    }
  }

  @Test(arguments: ActivationCompression.allCases)
  func thirtyTwoBitsAreBitExact(compression: ActivationCompression) throws {
    let shape = ActivationShape(count: 2, height: 1, width: 3, channels: 1)
    let values: [Float] = [
      -0.0, .leastNonzeroMagnitude, -.greatestFiniteMagnitude, .pi, Float(bitPattern: 0x007F_FFFF), -1e-30,
    ]
    let codec = try CodecFixture.codec(32, .tensor, compression)
    let decoded = try codec.decoded(try codec.encoded(values, shape), expecting: shape)
    #expect(decoded.map(\.bitPattern) == values.map(\.bitPattern))
  }

  @Test(arguments: CodecFixture.codeBits)
  func extremeRangesStayFiniteAndWithinHalfAStep(bits: Int) throws {
    let huge = Float.greatestFiniteMagnitude
    let tiny = Float.leastNonzeroMagnitude
    let cases: [[Float]] = [
      [huge, -huge, huge / 2, -huge / 3], [huge, -0.6 * huge, 0.4 * huge, 1], [-huge, 0, -1, -huge / 2],
      [tiny, 0, tiny * 3, -tiny], [-tiny, 0, 0, 0], [0x1p-127, -0x1p-126, 0x1p-130, 0],
      [huge, tiny, -tiny, 0],
      [0x1.fffffep-120, 0x1p-121, 0, -0x1p-122],
    ]
    let shape = ActivationShape(count: 1, height: 1, width: 1, channels: 4)
    for values in cases {
      // Clipped, nothing is close, but all is finite.
      let clipping = try CodecFixture.codec(bits, fullScale: 0.01)
      let clipped = try clipping.decoded(try clipping.encoded(values, shape), expecting: shape)
      #expect(clipped.allSatisfy { $0.isFinite }, "\(values) became \(clipped)")
      let codec = try CodecFixture.codec(bits)
      let decoded = try codec.decoded(try codec.encoded(values, shape), expecting: shape)
      let bound =
        0.5001 * max(step(values, shape, codec.format, at: 0), Double(Float.leastNormalMagnitude))
      for (value, result) in zip(values, decoded) {
        #expect(result.isFinite)
        #expect(abs(Double(value) - Double(result)) <= bound, "\(values): \(value) became \(result)")
      }
    }
  }

  @Test(arguments: CodecFixture.allBits)
  func nonFiniteValuesAreRefusedWithTheirIndex(bits: Int) throws {
    let shape = CodecFixture.shapes[1]
    let codec = try CodecFixture.codec(bits, .channel)
    for (bad, printed) in [(Float.nan, "nan"), (.infinity, "inf"), (-.infinity, "-inf")] {
      for index in [0, 17, shape.valueCount - 1] {
        var values = CodecFixture.tensor(shape)
        values[index] = bad
        var bytes: [UInt8] = [42]
        #expect(throws: CodecError.nonFinite(index: index, value: printed)) {
          try codec.encode(values, shape: shape, into: &bytes)
        }
        #expect(bytes == [42])
        #expect(throws: CodecError.nonFinite(index: index, value: printed)) {
          try codec.quantizeInPlace(&values, shape: shape)
        }
      }
    }
  }

  @Test(arguments: CodecFixture.allBits, ActivationCompression.allCases)
  func encodingIsDeterministicAndAppends(bits: Int, compression: ActivationCompression) throws {
    let codec = try CodecFixture.codec(bits, .channel, compression)
    var bytes: [UInt8] = [1, 2, 3]
    // A codec that has seen other shapes gives the bytes of a fresh one.
    for shape in CodecFixture.shapes + CodecFixture.shapes.reversed() {
      let values = CodecFixture.tensor(shape)
      let fresh = try CodecFixture.codec(bits, .channel, compression).encoded(values, shape)
      bytes.removeLast(bytes.count - 3)
      try codec.encode(values, shape: shape, into: &bytes)
      #expect(Array(bytes[..<3]) == [1, 2, 3] && Array(bytes[3...]) == fresh, "\(shape)")
    }
  }

  @Test func aSmallerLastBatchIsAccepted() throws {
    let codec = try CodecFixture.codec(5)
    let shape = ActivationShape(count: 2, height: 3, width: 1, channels: 5)
    let limit = ActivationShape(count: 9, height: 3, width: 1, channels: 5)
    var values = [Float](repeating: -7, count: limit.valueCount)
    let bytes = try codec.encoded(CodecFixture.tensor(shape), shape)
    let decodedShape = try bytes.withUnsafeBytes {
      try codec.decode($0, expecting: limit, into: &values, capacity: values.count)
    }
    #expect(decodedShape == shape)
    #expect(values[shape.valueCount...].allSatisfy { $0 == -7 }, "nothing is written behind the tensor")
  }

  @Test func zstdShrinksSparseActivations() throws {
    let shape = ActivationShape(count: 8, height: 8, width: 8, channels: 32)
    var values = CodecFixture.tensor(shape)
    for index in values.indices where index % 3 != 0 { values[index] = 0 }
    let codec = try CodecFixture.codec(4, .tensor, .zstd)
    let bytes = try codec.encoded(values, shape)
    #expect(bytes.count < codec.format.encodedByteCount(shape: shape) * 3 / 4)
    let plain = try CodecFixture.codec(4)
    let expected = try plain.decoded(try plain.encoded(values, shape), expecting: shape)
    #expect(try codec.decoded(bytes, expecting: shape) == expected)
  }
}
