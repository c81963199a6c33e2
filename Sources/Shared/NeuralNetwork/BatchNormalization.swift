import Compute

/// Batch normalization of each channel over all images and positions (Ioffe and Szegedy, 2015), with the ReLU
/// that usually follows it done in the same pass.
///
/// Training: `y = gamma · (x − mean) / sqrt(variance + epsilon) + beta` with the batch's mean and (biased)
/// variance, which also move the running statistics: `running += momentum · (batch − running)`, the variance
/// unbiased, as in PyTorch. Evaluation: the running statistics take their place.
package final class BatchNormalization: Layer {
  package let channels: Int
  package let relu: Bool
  /// The output is lent by the context's pool and read once, by a pooling layer, which gives it back:
  /// backward does not need it.
  package let isOutputTransient: Bool
  package let gamma: Parameter
  package let beta: Parameter
  package let runningMean: Parameter
  package let runningVariance: Parameter
  package let batchesTracked: Parameter

  static let epsilon: Float = 1e-5
  static let momentum: Float = 0.1

  private var state: State?
  private struct State {
    let context: ComputeContext
    /// Nil if it is transient.
    let output: Tensor?
    /// Per channel: what the last forward pass used.
    var mean: [Float]
    var inverseDeviation: [Float]
    /// Per channel: `y = scale · x + shift`.
    var scale: [Float]
    var shift: [Float]
    var moments: [ChannelMoments]
    var input: Tensor?
  }

  /// - Parameters:
  ///   - name: of the parameters in the whole network; ".weight", ".bias", ".running_mean" … are added, as in
  ///     PyTorch.
  ///   - relu: `max(0, y)` afterwards.
  ///   - isOutputTransient: the next layer is a pooling layer.
  package init(name: String, channels: Int, relu: Bool, isOutputTransient: Bool = false) {
    self.channels = channels
    self.relu = relu
    self.isOutputTransient = isOutputTransient
    gamma = Parameter(name + ".weight", .vector(channels), .constant(1))
    beta = Parameter(name + ".bias", .vector(channels), .constant(0))
    runningMean = Parameter(name + ".running_mean", .vector(channels), .constant(0), trained: false)
    runningVariance = Parameter(name + ".running_var", .vector(channels), .constant(1), trained: false)
    batchesTracked = Parameter(name + ".num_batches_tracked", .scalar, .constant(0), trained: false)
  }

  package var parameters: [Parameter] { [gamma, beta] }
  package var statistics: [Parameter] { [runningMean, runningVariance, batchesTracked] }
  package var description: String { "batch normalization \(channels)" + (relu ? " + relu" : "") }

  package func outputShape(for input: FeatureShape) throws -> FeatureShape {
    guard input.channels == channels else {
      throw ShapeError("\(description) cannot take features of shape \(input)")
    }
    return input
  }

  package func prepare(for input: FeatureShape, maximumCount: Int, context: ComputeContext) throws {
    let shape = try outputShape(for: input)
    let zeros = [Float](repeating: 0, count: channels)
    state = State(
      context: context, output: isOutputTransient ? nil : Tensor(shape, count: maximumCount),
      mean: zeros, inverseDeviation: zeros, scale: zeros, shift: zeros,
      moments: (0..<context.threads).map { _ in ChannelMoments(channels: channels) })
  }

  package func forward(_ input: Tensor, training: Bool) -> Tensor {
    guard var state else { preconditionFailure("\(description): not prepared") }
    self.state = nil  // so that the arrays below are changed in place
    defer { self.state = state }
    if training {
      state.input = input
      measure(input, &state)
    } else {
      for channel in 0..<channels {
        state.mean[channel] = runningMean.value[channel]
        state.inverseDeviation[channel] = 1 / (runningVariance.value[channel] + Self.epsilon).squareRoot()
      }
    }
    for channel in 0..<channels {
      state.scale[channel] = gamma.value[channel] * state.inverseDeviation[channel]
      state.shift[channel] = beta.value[channel] - state.mean[channel] * state.scale[channel]
    }
    let output = state.output ?? state.context.gradients.take(input.shape, count: input.count)
    if isOutputTransient { output.owner = state.context.gradients }
    output.resize(count: input.count)
    normalize(input, into: output, state)
    return output
  }

  /// Takes the batch's statistics and moves the running ones.
  private func measure(_ input: Tensor, _ state: inout State) {
    let moments = state.moments
    for part in moments { part.clear() }
    state.context.pool.split(input.rows) { worker, rows in
      moments[worker].add(input.data, rows: rows)
    }
    for part in moments.dropFirst() { moments[0].merge(part) }
    let total = moments[0]
    let rows = Double(input.rows)
    for channel in 0..<channels {
      let variance = total.squares[channel] / rows
      state.mean[channel] = Float(total.mean[channel])
      state.inverseDeviation[channel] = Float(1 / (variance + Double(Self.epsilon)).squareRoot())
      let unbiased = rows > 1 ? Float(total.squares[channel] / (rows - 1)) : Float(variance)
      runningMean.value[channel] += Self.momentum * (state.mean[channel] - runningMean.value[channel])
      runningVariance.value[channel] += Self.momentum * (unbiased - runningVariance.value[channel])
    }
    batchesTracked.value[0] += 1
  }

  /// What `y` must exceed to come through: 0 with ReLU, else anything does.
  private var floor: Float { relu ? 0 : -.infinity }

  private func normalize(_ input: Tensor, into output: Tensor, _ state: State) {
    let channels = channels
    let floor = floor
    state.scale.withUnsafeBufferPointer { scale in
      state.shift.withUnsafeBufferPointer { shift in
        state.context.pool.split(input.rows) { _, rows in
          for row in rows {
            let x = input.data + row * channels
            let y = output.data + row * channels
            for c in 0..<channels {
              let value = x[c] * scale[c] + shift[c]
              // Not max(): a value that is not a number must stay one, and be noticed.
              y[c] = value < floor ? floor : value
            }
          }
        }
      }
    }
  }

  /// With `xhat = (x − mean) / deviation` and `dy` masked by the ReLU:
  /// `dgamma = Σ dy · xhat`, `dbeta = Σ dy`, `dx = gamma / deviation · (dy − dbeta / m − xhat · dgamma / m)`,
  /// m rows.
  package func backward(_ outputGradient: Tensor, needsInputGradient: Bool) -> Tensor? {
    guard let state, let input = state.input else {
      preconditionFailure("\(description): backward before forward")
    }
    self.state?.input = nil
    sumGradients(input, outputGradient, state)
    guard needsInputGradient else {
      state.context.gradients.give(outputGradient)
      return nil
    }
    let channels = channels
    let floor = floor
    let rows = Float(input.rows)
    // dx = scale · dy + b · x + c, in place of dy.
    let b = (0..<channels).map { -state.scale[$0] * state.inverseDeviation[$0] * gamma.gradient[$0] / rows }
    let c = (0..<channels).map { -state.scale[$0] * beta.gradient[$0] / rows - b[$0] * state.mean[$0] }
    withUnsafePointers(state.scale, state.shift, b, c) { scale, shift, b, c in
      state.context.pool.split(input.rows) { _, rows in
        for row in rows {
          let x = input.data + row * channels
          let dy = outputGradient.data + row * channels
          for i in 0..<channels {
            let gradient = x[i] * scale[i] + shift[i] > floor ? dy[i] : 0
            dy[i] = scale[i] * gradient + (b[i] * x[i] + c[i])
          }
        }
      }
    }
    return outputGradient
  }

  /// `dbeta = Σ dy` and `dgamma = Σ dy · (x − mean) / deviation`: each worker sums its rows, then the
  /// workers' sums are added in their order.
  private func sumGradients(_ input: Tensor, _ outputGradient: Tensor, _ state: State) {
    let channels = channels
    let floor = floor
    let threads = state.context.threads
    // For each worker: Σ dy, then Σ dy · (x − mean).
    var sums = [Float](repeating: 0, count: threads * 2 * channels)
    sums.withUnsafeMutableBufferPointer { sums in
      let sums = sums.base
      withUnsafePointers(state.scale, state.shift, state.mean, state.mean) { scale, shift, mean, _ in
        state.context.pool.split(input.rows) { worker, rows in
          let gradientSum = sums + worker * 2 * channels
          let productSum = gradientSum + channels
          for row in rows {
            let x = input.data + row * channels
            let dy = outputGradient.data + row * channels
            for i in 0..<channels {
              let gradient = x[i] * scale[i] + shift[i] > floor ? dy[i] : 0
              gradientSum[i] += gradient
              productSum[i] += gradient * (x[i] - mean[i])
            }
          }
        }
      }
    }
    for channel in 0..<channels {
      var gradientSum: Float = 0
      var productSum: Float = 0
      for worker in 0..<threads {
        gradientSum += sums[worker * 2 * channels + channel]
        productSum += sums[(worker * 2 + 1) * channels + channel]
      }
      beta.gradient[channel] = gradientSum
      gamma.gradient[channel] = productSum * state.inverseDeviation[channel]
    }
  }
}

/// Calls `body` with the addresses of four arrays.
private func withUnsafePointers(
  _ first: [Float], _ second: [Float], _ third: [Float], _ fourth: [Float],
  _ body: (UnsafePointer<Float>, UnsafePointer<Float>, UnsafePointer<Float>, UnsafePointer<Float>) -> Void
) {
  // An array passed as a pointer lives until the call returns.
  body(first, second, third, fourth)
}
