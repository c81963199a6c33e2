import ArgumentParser
import Compute
import Transport

/// The activation codec on one thread.
struct CodecCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "codec", abstract: "Time encoding and decoding of activations: GB/s of float32, one thread.")

  @OptionGroup var measurement: MeasurementOptions

  func run() throws {
    var report = Report(
      "codec, GB/s of float32 features, one thread, batch \(measurement.batchSize) of 4x4x256",
      json: measurement.json,
      columns: [
        ("bits", "bits"), ("scale", "scale"), ("compression", "compression"), ("encode_gigabytes", "encode"),
        ("decode_gigabytes", "decode"), ("bytes_per_image", "bytes/image"),
      ])
    let shape = FeatureShape(height: 4, width: 4, channels: 256)
    let features = Tensor(shape, count: measurement.batchSize)
    features.fillWithNoise(seed: 1)
    // What comes out of a ReLU: about half of it zero.
    for index in 0..<features.values { features.data[index] = max(0, features.data[index]) }
    let decoded = Tensor(shape, count: measurement.batchSize)
    for compression in ActivationCompression.allCases {
      for scale in ScaleGranularity.allCases {
        for bits in [1, 2, 3, 4, 8, 16, 32] {
          let codec = ActivationCodec(
            format: try ActivationFormat(bits: bits, scale: scale, compression: compression))
          try measure(codec, features, decoded, &report)
        }
      }
    }
    try report.finish()
  }

  private func measure(
    _ codec: ActivationCodec, _ features: Tensor, _ decoded: Tensor, _ report: inout Report
  ) throws {
    let shape = ActivationShape(
      count: features.count, height: features.shape.height, width: features.shape.width,
      channels: features.shape.channels)
    var bytes: [UInt8] = []
    var failure: (any Error)?
    let repeats = 10
    func time(_ body: () throws -> Void) -> Double {
      Measurement(runs: measurement.runs) {
        do { for _ in 0..<repeats { try body() } } catch { failure = error }
      }.median
    }
    let encode = time {
      bytes.removeAll(keepingCapacity: true)
      try codec.encode(features.data, shape: shape, into: &bytes)
    }
    let decode = time {
      try bytes.withUnsafeBytes {
        _ = try codec.decode($0, expecting: shape, into: decoded.data, capacity: decoded.capacity)
      }
    }
    if let failure { throw failure }
    let gigabytes = Double(4 * features.values * repeats) / 1e9
    try report.append([
      .word("\(codec.format.bits)"), .word(codec.format.scale.rawValue),
      .word(codec.format.compression.rawValue), .number(gigabytes / encode, digits: 2),
      .number(gigabytes / decode, digits: 2),
      .number(Double(bytes.count) / Double(features.count), digits: 0),
    ])
  }
}
