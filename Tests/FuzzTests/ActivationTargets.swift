@testable import Transport

extension FuzzTarget {
  /// Encoded activations in every format: format, shape, then all bytes, or those behind a right header.
  static let activations = FuzzTarget("activations") {
    var seeds: [[UInt8]] = []
    for format in FuzzActivations.formats.indices {
      for shape in FuzzActivations.shapes.indices.dropLast() {
        let encoded = try FuzzActivations.encoded(format, shape)
        seeds.append([UInt8(format), UInt8(shape), 0] + encoded)
        seeds.append([UInt8(format), UInt8(shape), 1] + encoded[EncodedActivations.headerByteCount...])
      }
    }
    return seeds
  } run: { input in
    var input = FuzzInput(input)
    let (format, shape) = (input.one(of: FuzzActivations.formats), FuzzActivations.shape(input.byte()))
    var bytes: [UInt8] = []
    if input.byte() % 2 == 1 { try EncodedActivations(shape: shape, format: format).appendHeader(to: &bytes) }
    bytes += input.rest()
    try FuzzActivations.check(bytes, format, shape)
  }

  /// Numbers of any kind: those that are finite come back as `quantizeInPlace` says, the others are refused.
  static let encoding = FuzzTarget("encoding") {
    FuzzActivations.formats.indices.map { format in
      [UInt8(format), format == 5 ? 255 : UInt8(format % 3)]
        + [0, 1, -2.5, 65_504, .leastNonzeroMagnitude, 3e38, -0.0, 7.4].flatMap { (value: Float) in
          withUnsafeBytes(of: value) { Array($0) }
        }
    } + [[0, 0, 0, 0, 0xc0, 0x7f], [38, 0, 0, 0, 0x80, 0xff]]
  } run: { input in
    var input = FuzzInput(input)
    let (format, shape) = (input.one(of: FuzzActivations.formats), FuzzActivations.shape(input.byte()))
    let bytes = input.rest()
    let values = (0..<shape.valueCount).map { index -> Float in
      let start = bytes.count < 4 ? 0 : index * 4 % (bytes.count - 3)
      let bits = (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(bytes.count < 4 ? 0 : bytes[start + 3 - $1]) }
      return Float(bitPattern: bits)
    }
    var encoded: [UInt8] = []
    do { try ActivationCodec(format: format).encode(values, shape: shape, into: &encoded) } catch CodecError.nonFinite(
      let index, _)
    {
      try require(encoded.isEmpty && values.firstIndex { !$0.isFinite } == index, "finite, or bytes")
      return
    }
    try require(values.allSatisfy(\.isFinite), "numbers that are not finite are encoded")
    var expected = values
    try ActivationCodec(format: format).quantizeInPlace(&expected, shape: shape)
    let decoded = try FuzzActivations.decode(encoded, format, shape)
    try require(decoded.map(\.bitPattern) == expected.map(\.bitPattern), "\(values) becomes \(decoded)")
    try FuzzActivations.check(encoded, format, shape)
  }

  /// What is behind the header where zstd is agreed on: any bytes, or such as zstd writes, with bytes changed.
  static let zstd = FuzzTarget("zstd") {
    try [1, 7, 64, 1000].flatMap { count -> [[UInt8]] in
      let content = (0..<count).map { UInt8(truncatingIfNeeded: $0 / 3) }
      let frame = try FuzzActivations.compressed(content)
      return [
        [UInt8(count % 256), UInt8(count / 256), 0] + frame, [UInt8(count % 256), UInt8(count / 256), 1] + content,
        [UInt8(count % 256), UInt8(count / 256), 2, 3, 1, 0, 0] + content,
      ]
    }
  } run: { input in
    var input = FuzzInput(input)
    var size = Int(input.byte()) + 256 * input.choice(8)
    let kind = input.byte() % 3
    let changes = (0..<(kind == 2 ? input.choice(5) : 0)).map { _ in
      (Int(input.byte()) * 16 + input.choice(16), input.byte())
    }
    var frame = input.rest()
    let content = frame
    if kind > 0 {
      size = content.count
      frame = try FuzzActivations.compressed(content)
      for (place, flip) in changes { frame[place % frame.count] ^= flip }
    }
    var target = [UInt8](repeating: 0xa5, count: size + 8)
    do {
      try frame.withUnsafeBytes { source in
        try target.withUnsafeMutableBytes {
          try Zstd(level: 1).decompress(source, into: UnsafeMutableRawBufferPointer(rebasing: $0[..<size]))
        }
      }
      try require(kind != 1 || target[..<size].elementsEqual(content), "another content")
    } catch let error as CodecError { try require(kind != 1, "what was compressed is refused: \(error)") }
    try require(target[size...].allSatisfy { $0 == 0xa5 }, "bytes behind the room")
  }
}

/// Formats and shapes, and what must hold of what is decoded.
enum FuzzActivations {
  static let formats: [ActivationFormat] = [1, 2, 3, 4, 5, 6, 7, 8, 16, 32].flatMap { bits in
    ScaleGranularity.allCases.flatMap { scale in
      ActivationCompression.allCases.compactMap { compression in
        try? ActivationFormat(bits: bits, scale: scale, compression: compression)
      }
    }
  }

  /// The last one takes more than a chunk of the codec.
  static let shapes = [
    ActivationShape(count: 1, height: 1, width: 2, channels: 3),
    ActivationShape(count: 3, height: 1, width: 1, channels: 1),
    ActivationShape(count: 2, height: 3, width: 1, channels: 17),
    ActivationShape(count: 2, height: 5, width: 4, channels: 131),
  ]

  /// The last one is large, and seldom chosen.
  static func shape(_ choice: UInt8) -> ActivationShape { shapes[choice == 255 ? shapes.count - 1 : Int(choice) % 3] }

  static func encoded(_ format: Int, _ shape: Int) throws -> [UInt8] {
    let values = (0..<shapes[shape].valueCount).map { Float($0 % 7) - 2.5 }
    var bytes: [UInt8] = []
    try ActivationCodec(format: formats[format]).encode(values, shape: shapes[shape], into: &bytes)
    return bytes
  }

  static func decode(_ bytes: [UInt8], _ format: ActivationFormat, _ shape: ActivationShape) throws -> [Float] {
    var values = [Float](repeating: .nan, count: shape.valueCount)
    let decoded = try bytes.withUnsafeBytes {
      try ActivationCodec(format: format).decode($0, expecting: shape, into: &values, capacity: values.count)
    }
    return Array(values[..<decoded.valueCount])
  }

  static func compressed(_ content: [UInt8]) throws -> [UInt8] {
    var frame = [UInt8](repeating: 0, count: Zstd.maximumCompressedByteCount(content.count))
    let count = try content.withUnsafeBytes { source in
      try frame.withUnsafeMutableBytes { try Zstd(level: 1).compress(source, into: $0) }
    }
    return Array(frame[..<count])
  }

  /// All is finite; without compression it is what docs/protocol.md says of each code, computed plainly; and at 16 and
  /// 32 bits it is encoded to the same bytes.
  static func check(_ bytes: [UInt8], _ format: ActivationFormat, _ limit: ActivationShape) throws {
    let values: [Float]
    do { values = try decode(bytes, format, limit) } catch let error as CodecError {
      try require("\(error)".utf8.count < 1000, "a long error")
      return
    }
    try require(!values.isEmpty && values.count % (limit.valueCount / limit.count) == 0, "a broken image")
    try require(values.allSatisfy(\.isFinite), "values that are not finite")
    guard format.compression == .none else { return }
    guard format.isQuantized else {
      let perImage = limit.valueCount / limit.count
      let shape = ActivationShape(
        count: values.count / perImage, height: limit.height, width: limit.width, channels: limit.channels)
      var again: [UInt8] = []
      try ActivationCodec(format: format).encode(values, shape: shape, into: &again)
      try require(again == bytes, "encoded otherwise")
      return
    }
    let groups = format.scaleCount(channels: limit.channels)
    let codes = 24 + 5 * groups
    for (index, value) in values.enumerated() {
      let scaleBits = (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(bytes[24 + 4 * (index % groups) + 3 - $1]) }
      let zeroPoint = Float(bytes[24 + 4 * groups + index % groups])
      var code = 0
      for bit in 0..<format.bits {
        let place = index * format.bits + bit
        code |= Int(bytes[codes + place / 8] >> UInt8(place % 8) & 1) << bit
      }
      let largest = Float.greatestFiniteMagnitude
      let expected = min(max((Float(code) - zeroPoint) * Float(bitPattern: scaleBits), -largest), largest)
      try require(value == expected, "value \(index) is \(value), expected \(expected)")
    }
  }
}
