import Testing

@testable import Transport

@Suite struct ActivationCodecMalformedInputTests {
  private let shape = ActivationShape(count: 2, height: 3, width: 1, channels: 5)

  private func refusal(_ bytes: [UInt8], _ codec: ActivationCodec) -> CodecError? {
    do {
      _ = try codec.decoded(bytes, expecting: shape)
      return nil
    } catch {
      return error as? CodecError
    }
  }

  @Test(arguments: CodecFixture.allBits, ActivationCompression.allCases)
  func everyTruncationIsRefused(bits: Int, compression: ActivationCompression) throws {
    let codec = try CodecFixture.codec(bits, .channel, compression)
    let bytes = try codec.encoded(CodecFixture.tensor(shape), shape)
    for length in 0..<bytes.count {
      #expect(refusal(Array(bytes[..<length]), codec) != nil, "\(length) of \(bytes.count) bytes")
    }
    #expect(refusal(bytes, codec) == nil)
    #expect(refusal(bytes + [0], codec) != nil, "a trailing byte")
  }

  @Test(arguments: CodecFixture.allBits, ActivationCompression.allCases)
  func mutatedBytesAreRefusedOrDecodeFinitely(bits: Int, compression: ActivationCompression) throws {
    let codec = try CodecFixture.codec(bits, .channel, compression)
    let bytes = try codec.encoded(CodecFixture.tensor(shape), shape)
    var generator = CodecFixture.Generator(state: UInt64(bits))
    for _ in 0..<500 {
      var mutated = bytes
      for _ in 0...Int.random(in: 0..<3, using: &generator) {
        let index = Int.random(in: 0..<bytes.count, using: &generator)
        mutated[index] = UInt8.random(in: 0...255, using: &generator)
      }
      do {
        let values = try codec.decoded(mutated, expecting: shape)
        #expect(values.allSatisfy { $0.isFinite })
      } catch {
        #expect(error is CodecError)
      }
    }
  }

  @Test func randomBytesBehindAValidHeaderAreRefusedOrDecodeFinitely() throws {
    var generator = CodecFixture.Generator(state: 9)
    for bits in CodecFixture.allBits {
      for compression in ActivationCompression.allCases {
        let codec = try CodecFixture.codec(bits, .tensor, compression)
        let bytes = try codec.encoded(CodecFixture.tensor(shape), shape)
        for _ in 0..<100 {
          let noise = (24..<bytes.count).map { _ in UInt8.random(in: 0...255, using: &generator) }
          guard let values = try? codec.decoded(bytes[..<24] + noise, expecting: shape) else { continue }
          #expect(values.allSatisfy { $0.isFinite })
        }
      }
    }
  }

  @Test(arguments: [
    (0, "count", "1 to 2", "200"), (4, "height", "3", "200"), (8, "width", "1", "200"),
    (12, "channels", "5", "200"), (16, "bits", "4", "200"), (17, "scale kind", "1", "200"),
    (18, "compression", "0", "200"), (19, "reserved byte", "0", "200"),
    (20, "bytes of the packed codes", "15", "200"),
  ])
  func eachHeaderFieldIsChecked(offset: Int, field: String, expected: String, actual: String) throws {
    let codec = try CodecFixture.codec(4, .channel)
    var bytes = try codec.encoded(CodecFixture.tensor(shape), shape)
    bytes[offset] = 200
    #expect(refusal(bytes, codec) == .unexpected(field: field, expected: expected, actual: actual))
  }

  @Test func numbersThatWouldOverflowAreRefused() throws {
    let codec = try CodecFixture.codec(4, .channel)
    let bytes = try codec.encoded(CodecFixture.tensor(shape), shape)
    for offset in [0, 4, 8, 12, 20] {
      var changed = bytes
      for byte in offset..<(offset + 4) { changed[byte] = 0xFF }
      guard case .unexpected(_, _, "4294967295") = refusal(changed, codec) else {
        Issue.record("offset \(offset): \(String(describing: refusal(changed, codec)))")
        continue
      }
    }
    var empty = bytes
    empty[0] = 0
    #expect(refusal(empty, codec) == .unexpected(field: "count", expected: "1 to 2", actual: "0"))
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity, 0, -0.0, -1])
  func scalesMustBePositiveAndFinite(scale: Float) throws {
    let codec = try CodecFixture.codec(4, .channel)
    var bytes = try codec.encoded(CodecFixture.tensor(shape), shape)
    withUnsafeBytes(of: scale.bitPattern.littleEndian) { bytes.replaceSubrange(32..<36, with: $0) }
    #expect(
      refusal(bytes, codec)
        == .unexpected(field: "scale 2", expected: "positive and finite", actual: "\(scale)"))
  }

  @Test func zeroPointsMustBeCodes() throws {
    let codec = try CodecFixture.codec(3, .channel)
    var bytes = try codec.encoded(CodecFixture.tensor(shape), shape)
    bytes[24 + 20 + 4] = 8
    #expect(
      refusal(bytes, codec) == .unexpected(field: "zero point 4", expected: "at most 7", actual: "8"))
  }

  @Test func paddingBitsMustBeZero() throws {
    let codec = try CodecFixture.codec(3)
    var bytes = try codec.encoded(CodecFixture.tensor(shape), shape)
    #expect(bytes.count == 24 + 5 + 12, "30 codes of 3 bits leave 6 bits")
    bytes[bytes.count - 1] |= 0x80
    #expect(refusal(bytes, codec) == .unexpected(field: "padding bits", expected: "0", actual: "128"))
  }

  @Test func hugeReceivedScalesDecodeFinitely() throws {
    let codec = try CodecFixture.codec(8)
    var values = [Float](repeating: 1, count: shape.valueCount)
    values[3] = -1
    var bytes = try codec.encoded(values, shape)
    withUnsafeBytes(of: Float.greatestFiniteMagnitude.bitPattern.littleEndian) {
      bytes.replaceSubrange(24..<28, with: $0)
    }
    let decoded = try codec.decoded(bytes, expecting: shape)
    #expect(decoded[0] == .greatestFiniteMagnitude && decoded[3] == -.greatestFiniteMagnitude)
  }

  @Test func receivedFloatsMustBeFinite() throws {
    let single = try CodecFixture.codec(32)
    var bytes = try single.encoded(CodecFixture.tensor(shape), shape)
    withUnsafeBytes(of: Float.nan.bitPattern.littleEndian) { bytes.replaceSubrange(28..<32, with: $0) }
    #expect(
      refusal(bytes, single) == .unexpected(field: "value 1", expected: "a finite number", actual: "nan"))
    let half = try CodecFixture.codec(16)
    bytes = try half.encoded(CodecFixture.tensor(shape), shape)
    bytes.replaceSubrange(28..<30, with: [0x00, 0xFC])
    #expect(
      refusal(bytes, half)
        == .unexpected(field: "value 2", expected: "a finite number", actual: "infinite"))
  }

  @Test func aZstdFrameOfAnotherSizeIsRefused() throws {
    let codec = try CodecFixture.codec(4, .tensor, .zstd)
    let header = Array(try codec.encoded(CodecFixture.tensor(shape), shape)[..<29])
    let bomb = [UInt8](repeating: 0, count: 10_000_000)
    var compressed = [UInt8](repeating: 0, count: Zstd.maximumCompressedByteCount(bomb.count))
    let byteCount = try bomb.withUnsafeBytes { source in
      try compressed.withUnsafeMutableBytes { try Zstd(level: 1).compress(source, into: $0) }
    }
    #expect(
      refusal(header + compressed[..<byteCount], codec)
        == .unexpected(field: "zstd content size", expected: "15", actual: "10000000"))
  }
}
