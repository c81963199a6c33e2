/// What a file is that is no safetensors file, by its first bytes.
enum ForeignFile {
  /// How many of the first bytes it takes.
  static let byteCount = 16

  private static let magics: [(bytes: [UInt8], name: String)] = [
    ([0x89] + Array("PNG".utf8), "a PNG image"),
    ([0xff, 0xd8, 0xff], "a JPEG image"),
    ([0x93] + Array("NUMPY".utf8), "a NumPy array"),
    ([0x89] + Array("HDF".utf8), "an HDF5 file"),
    (Array("PK\u{3}\u{4}".utf8), "a zip archive, as torch.save and numpy.savez write it"),
    ([0x1f, 0x8b], "a gzip archive"),
    (Array("GGUF".utf8), "a GGUF file"),
    (Array("version https://".utf8), "a pointer of Git LFS, without its file"),
  ]

  /// - Parameter bytes: the first ``byteCount`` of the file, or all if it has fewer.
  /// - Returns: nil if it may be a safetensors file, or is nothing that is known here.
  static func name(of bytes: [UInt8]) -> String? {
    // The length of a header is no text: it would be of 2^56 bytes and more.
    let isText = !bytes.isEmpty && bytes.prefix(8).allSatisfy { (0x20..<0x7f).contains($0) || (9...13).contains($0) }
    // Any other eight bytes may be a length, if a header follows.
    if !isText, bytes.count > 8, bytes[8] == UInt8(ascii: "{") { return nil }
    if let known = magics.first(where: { bytes.starts(with: $0.bytes) }) { return known.name }
    if isText { return "a text file" }
    // A protocol of 2 to 5, and then an instruction, where a length would have zeros.
    if bytes.count > 8, bytes[0] == 0x80, (2...5).contains(bytes[1]), bytes[2..<8].contains(where: { $0 != 0 }) {
      return "a pickle, as torch.save wrote it in former times"
    }
    return nil
  }
}
