import Compute
import Foundation
import NeuralNetwork

/// The layers once more, as slow explicit loops in double precision. They share nothing with the ones under test.
enum Reference {
  /// A batch of features, NHWC.
  struct Features {
    var shape: FeatureShape
    var count: Int
    var values: [Double]

    init(_ shape: FeatureShape, count: Int) {
      self.shape = shape
      self.count = count
      values = Array(repeating: 0, count: shape.values * count)
    }

    init(_ tensor: Tensor) {
      self.init(tensor.shape, count: tensor.count)
      values = tensor.buffer.map(Double.init)
    }

    var positions: Int { count * shape.positions }

    /// Zero outside the image.
    subscript(image: Int, y: Int, x: Int, channel: Int) -> Double {
      get { contains(y, x) ? values[index(image, y, x, channel)] : 0 }
      set { if contains(y, x) { values[index(image, y, x, channel)] = newValue } }
    }

    func contains(_ y: Int, _ x: Int) -> Bool { y >= 0 && y < shape.height && x >= 0 && x < shape.width }

    func index(_ image: Int, _ y: Int, _ x: Int, _ channel: Int) -> Int {
      ((image * shape.height + y) * shape.width + x) * shape.channels + channel
    }

    /// The values of one channel, over all images and positions.
    func channel(_ channel: Int) -> [Double] {
      stride(from: channel, to: values.count, by: shape.channels).map { values[$0] }
    }

    mutating func setChannel(_ channel: Int, _ new: [Double]) {
      for (position, value) in new.enumerated() { values[position * shape.channels + channel] = value }
    }

    static func + (left: Features, right: Features) -> Features {
      var sum = left
      for index in sum.values.indices { sum.values[index] += right.values[index] }
      return sum
    }
  }

  /// A convolution and its adjoints by the definition.
  struct Convolution {
    var layer: NeuralNetwork.Convolution
    var x: Features
    var outputShape: FeatureShape

    init(_ layer: NeuralNetwork.Convolution, _ x: Features) throws {
      self.layer = layer
      self.x = x
      outputShape = try layer.outputShape(for: x.shape)
    }

    /// Calls `body` for each product: where it reads the input, which weight, and where the output.
    private func forEachProduct(
      _ body: (
        _ image: Int, _ y: Int, _ x: Int, _ input: Int, _ weight: Int, _ oy: Int, _ ox: Int, _ output: Int
      )
        -> Void
    ) {
      let k = layer.kernelSize
      for image in 0..<x.count {
        for oy in 0..<outputShape.height {
          for ox in 0..<outputShape.width {
            for ky in 0..<k {
              for kx in 0..<k {
                let y = oy * layer.stride - layer.padding + ky
                let column = ox * layer.stride - layer.padding + kx
                guard x.contains(y, column) else { continue }
                for input in 0..<layer.inputChannels {
                  for output in 0..<layer.outputChannels {
                    let weight = ((ky * k + kx) * layer.inputChannels + input) * layer.outputChannels + output
                    body(image, y, column, input, weight, oy, ox, output)
                  }
                }
              }
            }
          }
        }
      }
    }

    func forward() -> Features {
      var result = Features(outputShape, count: x.count)
      let weights = layer.weight.value.map(Double.init)
      forEachProduct { image, y, column, input, weight, oy, ox, output in
        result[image, oy, ox, output] += x[image, y, column, input] * weights[weight]
      }
      guard let bias = layer.bias else { return result }
      for index in result.values.indices {
        result.values[index] += Double(bias.value[index % layer.outputChannels])
      }
      return result
    }

    func backward(_ dy: Features) -> (input: Features, weight: [Double], bias: [Double]) {
      var dx = Features(x.shape, count: x.count)
      var weightGradient = [Double](repeating: 0, count: layer.weight.count)
      let weights = layer.weight.value.map(Double.init)
      forEachProduct { image, y, column, input, weight, oy, ox, output in
        let gradient = dy[image, oy, ox, output]
        dx[image, y, column, input] += gradient * weights[weight]
        weightGradient[weight] += gradient * x[image, y, column, input]
      }
      return (dx, weightGradient, (0..<layer.outputChannels).map { dy.channel($0).reduce(0, +) })
    }
  }

  static let epsilon = 1e-5

  static func moments(_ values: [Double]) -> (mean: Double, biased: Double, unbiased: Double) {
    let count = Double(values.count)
    let mean = values.reduce(0, +) / count
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return (mean, squares / count, squares / max(1, count - 1))
  }

  static func batchNormalization(_ x: Features, gamma: [Double], beta: [Double]) -> Features {
    var y = x
    for channel in 0..<x.shape.channels {
      let values = x.channel(channel)
      let (mean, variance, _) = moments(values)
      let deviation = (variance + epsilon).squareRoot()
      y.setChannel(channel, values.map { gamma[channel] * ($0 - mean) / deviation + beta[channel] })
    }
    return y
  }

  /// Term by term as in the paper (Ioffe and Szegedy, section 3).
  static func batchNormalizationBackward(_ x: Features, gamma: [Double], _ dy: Features) -> (
    input: Features, gamma: [Double], beta: [Double]
  ) {
    var dx = x
    var gammaGradient: [Double] = []
    var betaGradient: [Double] = []
    let m = Double(x.positions)
    for channel in 0..<x.shape.channels {
      let values = x.channel(channel)
      let gradients = dy.channel(channel)
      let (mean, variance, _) = moments(values)
      let deviation = (variance + epsilon).squareRoot()
      let normalized = values.map { ($0 - mean) / deviation }
      let dNormalized = gradients.map { $0 * gamma[channel] }
      let dVariance = zip(dNormalized, values).reduce(0.0) {
        $0 + $1.0 * ($1.1 - mean) * -0.5 * pow(variance + epsilon, -1.5)
      }
      let dMean =
        dNormalized.reduce(0) { $0 - $1 / deviation } + dVariance * values.reduce(0) { $0 - 2 * ($1 - mean) }
        / m
      dx.setChannel(
        channel,
        zip(dNormalized, values).map { $0 / deviation + dVariance * 2 * ($1 - mean) / m + dMean / m })
      gammaGradient.append(zip(gradients, normalized).reduce(0.0) { $0 + $1.0 * $1.1 })
      betaGradient.append(gradients.reduce(0, +))
    }
    return (dx, gammaGradient, betaGradient)
  }

  static func relu(_ x: Features) -> Features {
    var y = x
    y.values = x.values.map { $0 > 0 ? $0 : 0 }
    return y
  }

  /// The input's gradient for the output `y` of the ReLU and its gradient.
  static func reluBackward(_ y: Features, _ dy: Features) -> Features {
    var dx = dy
    for index in dx.values.indices where y.values[index] <= 0 { dx.values[index] = 0 }
    return dx
  }

  /// Gives the output and, for the gradient `dy`, the input's.
  static func maxPooling(_ x: Features, _ layer: MaxPooling, outputShape: FeatureShape, _ dy: Features) -> (
    output: Features, input: Features
  ) {
    var y = Features(outputShape, count: x.count)
    var dx = Features(x.shape, count: x.count)
    for image in 0..<x.count {
      for oy in 0..<outputShape.height {
        for ox in 0..<outputShape.width {
          for channel in 0..<x.shape.channels {
            var best: (y: Int, x: Int)?
            for ky in 0..<layer.kernelSize {
              for kx in 0..<layer.kernelSize {
                let cell = (
                  y: oy * layer.stride - layer.padding + ky, x: ox * layer.stride - layer.padding + kx
                )
                guard x.contains(cell.y, cell.x) else { continue }
                if let best, x[image, cell.y, cell.x, channel] <= x[image, best.y, best.x, channel] {
                  continue
                }
                best = cell
              }
            }
            guard let best else { continue }
            y[image, oy, ox, channel] = x[image, best.y, best.x, channel]
            dx[image, best.y, best.x, channel] += dy[image, oy, ox, channel]
          }
        }
      }
    }
    return (y, dx)
  }
}
