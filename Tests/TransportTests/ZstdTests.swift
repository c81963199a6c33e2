import Testing

@testable import Transport

@Suite struct ZstdTests {
  private func compress(_ content: [UInt8]) throws -> [UInt8] {
    var compressed = [UInt8](repeating: 0, count: Zstd.maximumCompressedByteCount(content.count))
    let byteCount = try content.withUnsafeBytes { source in
      try compressed.withUnsafeMutableBytes { try zstd.compress(source, into: $0) }
    }
    return Array(compressed[..<byteCount])
  }

  private func decompress(_ compressed: [UInt8], byteCount: Int) throws -> [UInt8] {
    var content = [UInt8](repeating: 0xA5, count: byteCount)
    try compressed.withUnsafeBytes { source in
      try content.withUnsafeMutableBytes { try zstd.decompress(source, into: $0) }
    }
    return content
  }

  private let zstd = Zstd(level: 1)

  @Test func contentSurvives() throws {
    var generator = CodecFixture.Generator(state: 2)
    for count in [1, 2, 63, 1000, 300_000] {
      let content = (0..<count).map { _ in UInt8(generator.next() % 5) }
      let compressed = try compress(content)
      #expect(try decompress(compressed, byteCount: count) == content)
      if count > 1000 { #expect(compressed.count < count / 2) }
    }
  }

  @Test func anotherContentSizeIsRefused() throws {
    let compressed = try compress([UInt8](repeating: 7, count: 100))
    for size in [1, 99, 101, 1000] {
      #expect(
        throws: CodecError.unexpected(field: "zstd content size", expected: "\(size)", actual: "100")
      ) {
        try decompress(compressed, byteCount: size)
      }
    }
  }

  @Test func aFrameWithoutContentSizeIsRefused() {
    // Magic, descriptor without content size, window of 1 KB, one last raw block of 4 bytes.
    let frame: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x00, 0x21, 0x00, 0x00, 1, 2, 3, 4]
    #expect(
      throws: CodecError.unexpected(field: "zstd content size", expected: "4", actual: "not stated")
    ) {
      try decompress(frame, byteCount: 4)
    }
  }

  @Test func bytesAfterTheFrameAreRefused() throws {
    let compressed = try compress([1, 2, 3])
    for tail in [[0], compressed] {
      #expect(
        throws: CodecError.unexpected(
          field: "zstd frame length", expected: "\(compressed.count + tail.count)",
          actual: "\(compressed.count)")
      ) {
        try decompress(compressed + tail, byteCount: 3)
      }
    }
  }

  @Test func corruptedFramesAreRefusedOrKeepTheirSize() throws {
    var generator = CodecFixture.Generator(state: 4)
    let content = (0..<5000).map { _ in UInt8(generator.next() % 7) }
    let compressed = try compress(content)
    #expect(throws: CodecError.self) { try decompress([], byteCount: 5000) }
    #expect(throws: CodecError.self) { try decompress([1, 2, 3, 4, 5, 6, 7, 8], byteCount: 5000) }
    for length in stride(from: 0, to: compressed.count, by: 7) {
      #expect(throws: CodecError.self) {
        try decompress(Array(compressed[..<length]), byteCount: content.count)
      }
    }
    for _ in 0..<300 {
      var corrupted = compressed
      corrupted[Int(generator.next() % UInt64(compressed.count))] ^= UInt8(1 + generator.next() % 255)
      do {
        #expect(try decompress(corrupted, byteCount: content.count).count == content.count)
      } catch {
        #expect(error is CodecError)
      }
    }
    #expect(try decompress(compressed, byteCount: content.count) == content, "the context still works")
  }
}
