import Platform

/// Arrays in NumPy's .npy format, version 1.0 (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html):
///
/// ```
/// | 93 'NUMPY' | 1 | 0 | header length, UInt16 LE | header, a Python dict, spaces, line feed | elements, row-major |
/// ```
///
/// The elements start at a multiple of 64 bytes.
package enum NumPyFile {
  /// Writes float32 values, atomically.
  ///
  /// - Throws: `FileError`.
  package static func write(_ values: [Float], shape: [Int], to path: String) throws {
    #if _endian(big)
      #error("values are written as they lie in memory, which must be little-endian")
    #endif
    try values.withUnsafeBytes { try write($0, "<f4", count: values.count, shape: shape, to: path) }
  }

  /// Writes whole numbers, as uint16, atomically.
  ///
  /// - Throws: `FileError`.
  package static func write(_ values: [UInt16], shape: [Int], to path: String) throws {
    try values.withUnsafeBytes { try write($0, "<u2", count: values.count, shape: shape, to: path) }
  }

  private static func write(
    _ elements: UnsafeRawBufferPointer, _ elementType: String, count: Int, shape: [Int], to path: String
  ) throws {
    precondition(shape.reduce(1, *) == count, "\(count) values for shape \(shape)")
    let header = header(elementType, shape: shape)
    try AtomicFile.write(to: path) { writer in
      try header.withUnsafeBytes { try writer.write($0) }
      try writer.write(elements)
    }
  }

  /// Everything before the elements.
  package static func header(_ elementType: String, shape: [Int]) -> [UInt8] {
    // As Python writes a tuple: one element has a comma behind it.
    let tuple = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
    var dictionary = Array("{'descr': '\(elementType)', 'fortran_order': False, 'shape': (\(tuple)), }".utf8)
    let prefixLength = 10
    while (prefixLength + dictionary.count + 1) % 64 != 0 { dictionary.append(UInt8(ascii: " ")) }
    dictionary.append(UInt8(ascii: "\n"))
    precondition(dictionary.count <= UInt16.max, "shape \(shape)")
    let length = withUnsafeBytes(of: UInt16(dictionary.count).littleEndian) { Array($0) }
    return [0x93] + Array("NUMPY".utf8) + [1, 0] + length + dictionary
  }
}
