@testable import Transport

/// Tensors and shorthands of the codec's tests.
enum CodecFixture {
  static let allBits = [1, 2, 3, 4, 5, 6, 7, 8, 16, 32]
  static let codeBits = [1, 2, 3, 4, 5, 6, 7, 8]
  /// All sides differ; channels below, at no multiple of, and above 16; values at no multiple of 8; more than a chunk.
  static let shapes = [
    ActivationShape(count: 2, height: 3, width: 5, channels: 7),
    ActivationShape(count: 1, height: 3, width: 7, channels: 19),
    ActivationShape(count: 3, height: 5, width: 4, channels: 131),
    ActivationShape(count: 3, height: 1, width: 2, channels: 1025),
  ]

  typealias Generator = TestGenerator

  /// Values of both signs whose magnitude depends on the channel; about a quarter exact zeros; channel 2 all zero,
  /// channel 3 never negative.
  static func tensor(_ shape: ActivationShape, seed: UInt64 = 1) -> [Float] {
    var generator = Generator(state: seed)
    return (0..<shape.valueCount).map { index in
      let channel = index % shape.channels
      let value = Float.random(in: -1...1.5, using: &generator) * Float(1 + channel % 5)
      if channel == 2 || generator.next() % 4 == 0 { return 0 }
      return channel == 3 ? abs(value) : value
    }
  }

  static func codec(
    _ bits: Int, _ scale: ScaleGranularity = .tensor, _ compression: ActivationCompression = .none,
    fullScale: Double = 1
  ) throws -> ActivationCodec {
    ActivationCodec(
      format: try ActivationFormat(bits: bits, scale: scale, compression: compression, fullScale: fullScale))
  }
}

extension ActivationCodec {
  func encoded(_ values: [Float], _ shape: ActivationShape) throws -> [UInt8] {
    precondition(values.count == shape.valueCount)
    var bytes: [UInt8] = []
    try encode(values, shape: shape, into: &bytes)
    return bytes
  }

  func decoded(_ bytes: [UInt8], expecting limit: ActivationShape) throws -> [Float] {
    var values = [Float](repeating: .nan, count: limit.valueCount)
    let shape = try bytes.withUnsafeBytes {
      try decode($0, expecting: limit, into: &values, capacity: limit.valueCount)
    }
    return Array(values[..<shape.valueCount])
  }
}
