import Compute

/// Batch normalization of each channel over all images and positions (Ioffe and Szegedy, 2015), with the ReLU that
/// usually follows it done in the same pass.
///
/// Training: `y = gamma · (x − mean) / sqrt(variance + epsilon) + beta` with the batch's mean and (biased) variance, which
/// also move the running statistics: `running += momentum · (batch − running)`, the variance unbiased, as in PyTorch.
/// Evaluation: the running statistics take their place.
package final class BatchNormalization: Layer {
  package let channels: Int
  package let relu: Bool
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
    let output: Tensor
    /// Per channel: what the last forward pass used.
    var mean: [Float]
    var inverseDeviation: [Float]
    var moments: [ChannelMoments]
    var input: Tensor?
  }

  /// - Parameters:
  ///   - name: of the parameters in the whole network; ".weight", ".bias", ".running_mean" … are added, as in PyTorch.
  ///   - relu: `max(0, y)` afterwards.
  package init(name: String, channels: Int, relu: Bool) {
    self.channels = channels
    self.relu = relu
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
    state = State(
      context: context, output: Tensor(shape, count: maximumCount),
      mean: Array(repeating: 0, count: channels), inverseDeviation: Array(repeating: 0, count: channels),
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
    normalize(input, state)
    return state.output
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

  private func normalize(_ input: Tensor, _ state: State) {
    let scale = (0..<channels).map { gamma.value[$0] * state.inverseDeviation[$0] }
    let shift = (0..<channels).map { beta.value[$0] - state.mean[$0] * scale[$0] }
    let output = state.output
    output.resize(count: input.count)
    let channels = channels
    let floor: Float = relu ? 0 : -.infinity
    scale.withUnsafeBufferPointer { scale in
      shift.withUnsafeBufferPointer { shift in
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
  /// `dgamma = Σ dy · xhat`, `dbeta = Σ dy`, `dx = gamma / deviation · (dy − dbeta / m − xhat · dgamma / m)`, m rows.
  package func backward(_ outputGradient: Tensor, needsInputGradient: Bool) -> Tensor? {
    guard let state, let input = state.input else { preconditionFailure("\(description): backward before forward") }
    self.state?.input = nil
    let channels = channels
    let threads = state.context.threads
    if relu { state.output.maskByPositive(outputGradient, state.context.pool) }
    // For each worker: Σ dy, then Σ dy · (x − mean).
    var sums = [Float](repeating: 0, count: threads * 2 * channels)
    sums.withUnsafeMutableBufferPointer { sums in
      state.mean.withUnsafeBufferPointer { mean in
        let sums = sums.base
        state.context.pool.split(input.rows) { worker, rows in
          let gradientSum = sums + worker * 2 * channels
          let productSum = gradientSum + channels
          for row in rows {
            let x = input.data + row * channels
            let dy = outputGradient.data + row * channels
            for c in 0..<channels {
              gradientSum[c] += dy[c]
              productSum[c] += dy[c] * (x[c] - mean[c])
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
    guard needsInputGradient else {
      state.context.gradients.give(outputGradient)
      return nil
    }
    // dx = a · dy + b · x + c, in place of dy.
    let rows = Float(input.rows)
    let a = (0..<channels).map { gamma.value[$0] * state.inverseDeviation[$0] }
    let b = (0..<channels).map { -a[$0] * state.inverseDeviation[$0] * gamma.gradient[$0] / rows }
    let c = (0..<channels).map { -a[$0] * beta.gradient[$0] / rows - b[$0] * state.mean[$0] }
    a.withUnsafeBufferPointer { a in
      b.withUnsafeBufferPointer { b in
        c.withUnsafeBufferPointer { c in
          state.context.pool.split(input.rows) { _, rows in
            for row in rows {
              let x = input.data + row * channels
              let dy = outputGradient.data + row * channels
              for i in 0..<channels { dy[i] = a[i] * dy[i] + (b[i] * x[i] + c[i]) }
            }
          }
        }
      }
    }
    return outputGradient
  }
}
