import CZstd

/// zstd with contexts that are reused from call to call. Not shared between threads.
final class Zstd {
  private let level: Int32
  private var compressor: OpaquePointer?
  private var decompressor: OpaquePointer?

  init(level: Int32) { self.level = level }

  deinit {
    ZSTD_freeCCtx(compressor)
    ZSTD_freeDCtx(decompressor)
  }

  /// The most bytes that `compress` can write for this many bytes of input.
  static func maximumCompressedByteCount(_ byteCount: Int) -> Int { ZSTD_compressBound(byteCount) }

  /// Compresses `source` into one zstd frame that states its content size.
  /// - Returns: the bytes written.
  /// - Throws: `CodecError.zstd`.
  func compress(_ source: UnsafeRawBufferPointer, into destination: UnsafeMutableRawBufferPointer) throws -> Int {
    if compressor == nil { compressor = ZSTD_createCCtx() }
    guard let compressor else { throw CodecError.zstd("no memory for a compression context") }
    return try Self.checked(
      ZSTD_compressCCtx(compressor, destination.baseAddress, destination.count, source.baseAddress, source.count, level)
    )
  }

  /// Decompresses `source`, which must be exactly one zstd frame of exactly `destination.count` bytes of content.
  /// Nothing beyond `destination` is written or allocated, whatever the frame claims.
  /// - Throws: `CodecError.zstd`, or `CodecError.unexpected` for another content size or bytes after the frame.
  func decompress(_ source: UnsafeRawBufferPointer, into destination: UnsafeMutableRawBufferPointer) throws {
    let frameByteCount = try Self.checked(ZSTD_findFrameCompressedSize(source.baseAddress, source.count))
    guard frameByteCount == source.count else {
      throw CodecError.unexpected(field: "zstd frame length", expected: "\(source.count)", actual: "\(frameByteCount)")
    }
    // The two largest numbers are zstd's "unknown" and "error"; neither equals a buffer's size.
    let contentByteCount = ZSTD_getFrameContentSize(source.baseAddress, source.count)
    guard contentByteCount == UInt64(destination.count) else {
      throw CodecError.unexpected(
        field: "zstd content size", expected: "\(destination.count)",
        actual: contentByteCount > UInt64.max - 2 ? "not stated" : "\(contentByteCount)")
    }
    if decompressor == nil { decompressor = ZSTD_createDCtx() }
    guard let decompressor else { throw CodecError.zstd("no memory for a decompression context") }
    let written = try Self.checked(
      ZSTD_decompressDCtx(decompressor, destination.baseAddress, destination.count, source.baseAddress, source.count))
    guard written == destination.count else {
      throw CodecError.unexpected(field: "zstd content size", expected: "\(destination.count)", actual: "\(written)")
    }
  }

  private static func checked(_ code: Int) throws -> Int {
    guard ZSTD_isError(code) == 0 else { throw CodecError.zstd(String(cString: ZSTD_getErrorName(code))) }
    return code
  }
}

/// The library that compresses.
package enum ZstdLibrary {
  /// "1.5.4".
  package static var version: String { String(cString: ZSTD_versionString()) }
}
