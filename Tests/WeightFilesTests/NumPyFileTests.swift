import TestSupport
import Testing

@testable import Platform
@testable import WeightFiles

/// The .npy writer against bytes that NumPy 2.4.6 wrote: `numpy.save(path, array)` of the arrays in the tests.
@Suite struct NumPyFileTests {
  private func written(_ write: (String) throws -> Void) throws -> [UInt8] {
    try withTemporaryDirectory { base in
      try write(base + "/array.npy")
      return try contents(base + "/array.npy")
    }
  }

  private func expected(_ header: String, _ elements: [UInt8]) -> [UInt8] {
    let magic: [UInt8] = [
      0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59,  // \x93NUMPY
      0x01, 0x00,  // version 1.0
      0x76, 0x00,  // header of 118 bytes
    ]
    let spaces = [UInt8](repeating: 0x20, count: 117 - header.utf8.count)
    return magic + Array(header.utf8) + spaces + [0x0A] + elements
  }

  @Test func floatsAreNumPysBytes() throws {
    // numpy.array([[1, -2, 0.5], [0, numpy.inf, 2**-149]], dtype=numpy.float32)
    let bytes = try written {
      try NumPyFile.write([1, -2, 0.5, 0, .infinity, 0x1p-149], shape: [2, 3], to: $0)
    }
    #expect(
      bytes
        == expected(
          "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }",
          [
            0x00, 0x00, 0x80, 0x3F, 0x00, 0x00, 0x00, 0xC0, 0x00, 0x00, 0x00, 0x3F,
            0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x80, 0x7F, 0x01, 0x00, 0x00, 0x00,
          ]))
  }

  @Test func wholeNumbersAreNumPysBytes() throws {
    // numpy.array([7, 0, 258], dtype=numpy.uint16)
    let bytes = try written { try NumPyFile.write([UInt16](arrayLiteral: 7, 0, 258), shape: [3], to: $0) }
    #expect(bytes == expected("{'descr': '<u2', 'fortran_order': False, 'shape': (3,), }", [7, 0, 0, 0, 2, 1]))
  }

  @Test func elementsStartAtAMultipleOf64() {
    for size in [1, 10, 1_000_000_000_000] {
      let header = NumPyFile.header("<f4", shape: [size, size, size, size, size, size, size, size])
      #expect(header.count % 64 == 0)
      #expect(Int(header[8]) + Int(header[9]) << 8 == header.count - 10)
      #expect(header.last == 0x0A)
    }
  }

  @Test func whatCannotBeWrittenThrows() {
    #expect(throws: FileError.self) {
      try NumPyFile.write([Float](arrayLiteral: 1), shape: [1], to: "/no/such/directory/array.npy")
    }
  }
}
