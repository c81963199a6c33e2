import ArgumentParser
import Compute
import NeuralNetwork
import Training
import Transport

/// A rest that trains on the features as one format leaves them.
final class FormatTrial {
  private enum Rounding: String {
    case nearest, stochastic, dithered
  }

  /// As it was asked for.
  let name: String
  var format: ActivationFormat { codec.format }
  /// Bytes of an encoded training image, without compression.
  var packedBytesPerImage: Double { Double(bytes) / Double(images) }
  /// The same of every 16th batch, with zstd.
  var compressedBytesPerImage: Double { Double(sampledBytes) / Double(sampledImages) }
  /// Of the same batches: Σ (decoded − x)² / Σ x².
  var relativeSquaredError: Double { squaredError / squares }
  /// Right answers in the last evaluation.
  private(set) var correct = 0

  private var (images, bytes) = (0, 0)
  private var (sampledImages, sampledBytes) = (0, 0)
  private var (squaredError, squares) = (0.0, 0.0)
  private let rounding: Rounding
  private let codec: ActivationCodec
  private let compressing: ActivationCodec
  private let rest: TrainedPart
  private let features: Tensor
  private var random: UInt32 = 1
  private var batches = 0

  /// - Parameter text: bits,scale,full-scale, and perhaps the rounding.
  /// - Throws: `ValidationError`, `CodecError`, `ShapeError`.
  init(_ text: String, _ configuration: RunConfiguration, _ compute: ComputeSettings) throws {
    let parts = text.split(separator: ",").map(String.init)
    guard parts.count == 3 || parts.count == 4, let bits = Int(parts[0]),
      let scale = ScaleGranularity(rawValue: parts[1]), let fullScale = Double(parts[2]),
      let rounding = Rounding(rawValue: parts.count == 4 ? parts[3] : "nearest")
    else { throw ValidationError("format \(text): expected bits,scale,full-scale[,stochastic|dithered]") }
    name = text
    self.rounding = bits <= 8 ? rounding : .nearest
    codec = ActivationCodec(format: try ActivationFormat(bits: bits, scale: scale, fullScale: fullScale))
    compressing = ActivationCodec(
      format: try ActivationFormat(bits: bits, scale: scale, compression: .zstd, fullScale: fullScale))
    let network = try LocalNetwork(configuration, compute: compute)
    rest = try network.rest()
    features = Tensor(network.cutShape, count: configuration.batchSize)
  }

  /// One step; the input stays as it is.
  func train(_ input: Tensor, _ labels: [UInt16], _ values: LearningRateSchedule.Values) throws {
    try pass(input, atRandom: rounding != .nearest, isSampled: batches % 16 == 0)
    images += input.count
    bytes += codec.format.encodedByteCount(shape: input.activationShape)
    batches += 1
    rest.backward(rest.loss(features, labels: labels).gradient)
    rest.update(values)
  }

  /// Counts right answers.
  func evaluate(_ input: Tensor, _ labels: [UInt16]) throws {
    try pass(input, atRandom: rounding == .dithered, isSampled: false)
    correct += rest.evaluate(features, labels: labels).correct
  }

  /// Sets `features` to what the link makes of the input.
  private func pass(_ input: Tensor, atRandom: Bool, isSampled: Bool) throws {
    let shape = input.activationShape
    features.copy(from: input)
    if atRandom { roundAtRandom(shape) }
    if isSampled {
      var encoded: [UInt8] = []
      try compressing.encode(features.data, shape: shape, into: &encoded)
      sampledBytes += encoded.count
      sampledImages += input.count
    }
    try codec.quantizeInPlace(features.data, shape: shape)
    guard isSampled else { return }
    for index in 0..<input.values {
      let (value, error) = (input.data[index], features.data[index] - input.data[index])
      squaredError += Double(error * error)
      squares += Double(value * value)
    }
  }

  /// Replaces each value x by a multiple of its group's step, floor(x / step + u) · step with u uniform in [0, 1),
  /// which rounding to the nearest code then leaves alone. For values that are not negative: what comes out of a ReLU.
  private func roundAtRandom(_ shape: ActivationShape) {
    let groups = codec.format.scaleCount(channels: shape.channels)
    let levels = Float((1 << codec.format.bits) - 1)
    var largest = [Float](repeating: 0, count: groups)
    for index in 0..<features.values {
      largest[index % groups] = max(largest[index % groups], features.data[index])
    }
    for index in 0..<features.values where features.data[index] > 0 {
      // xorshift32
      random ^= random << 13
      random ^= random >> 17
      random ^= random << 5
      let (value, group) = (features.data[index], index % groups)
      // The largest value stays as it is, as the codec measures it; it becomes the largest code anyway.
      guard value < largest[group] else { continue }
      let step = largest[group] * Float(codec.format.fullScale) / levels
      let code = (value / step + Float(random >> 8) * 0x1p-24).rounded(.down)
      features.data[index] = min(code, levels) * step
    }
  }
}
