import Compute

/// The passes over a batch, for a layer that makes them part of its own.
extension BatchNormalization {
  /// Forgets the batch before.
  func beginObservation() { state?.moments.forEach { $0.clear() } }

  /// Takes rows and columns of a training batch, each once, into the statistics. Each worker calls it for its own.
  func observe(_ input: Tensor, _ rows: Range<Int>, _ columns: Range<Int>, worker: Int) {
    state?.moments[worker].add(input.data, rows: rows, columns: columns)
  }

  /// The output for a batch whose rows have been observed, if it is for training.
  ///
  /// - Parameter addend: is added before the ReLU; same shape as the input.
  func normalize(_ input: Tensor, adding addend: Tensor? = nil, training: Bool) -> Tensor {
    guard let state else { preconditionFailure("\(description): not prepared") }
    if training {
      precondition(addend == nil || !relu || !isOutputTransient, "\(description): backward needs the output")
      self.state?.input = input
      self.state?.masksByOutput = relu && addend != nil
      takeBatchStatistics(state, rows: input.rows)
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
    output.resize(count: input.count)
    state.context.pool.split(input.rows) { _, rows in
      normalizeRows(state, input.data, addend?.data, into: output.data, rows)
    }
    return output
  }

  /// The batch's statistics, from what the workers have seen, and the running ones.
  private func takeBatchStatistics(_ state: State, rows: Int) {
    let total = state.moments[0]
    for part in state.moments.dropFirst() { total.merge(part) }
    precondition(total.haveSeen(rows: rows), "\(description): not all of \(rows) rows were observed")
    let rows = Double(rows)
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

  private func normalizeRows(
    _ state: State, _ input: UnsafePointer<Float>, _ addend: UnsafePointer<Float>?,
    into output: UnsafeMutablePointer<Float>, _ rows: Range<Int>
  ) {
    let (scale, shift, floor, channels) = (state.scale, state.shift, floor, channels)
    // Not max(): a value that is not a number must stay one, and be noticed.
    if let addend {
      for row in rows {
        let x = input + row * channels
        let a = addend + row * channels
        let y = output + row * channels
        for c in 0..<channels {
          let value = x[c] * scale[c] + shift[c] + a[c]
          y[c] = value < floor ? floor : value
        }
      }
    } else {
      for row in rows {
        let x = input + row * channels
        let y = output + row * channels
        for c in 0..<channels {
          let value = x[c] * scale[c] + shift[c]
          y[c] = value < floor ? floor : value
        }
      }
    }
  }

  /// `dbeta = Σ dy` and `dgamma = Σ dy · xhat` with `xhat = (x − mean) / deviation` and `dy` masked by the ReLU: each
  /// worker sums its rows, then the workers' sums are added in their order.
  ///
  /// - Parameter outputGradient: if something was added before the ReLU, it is masked in place: it then is the addend's
  ///   gradient too.
  func computeParameterGradients(_ outputGradient: Tensor) {
    guard let state, let input = state.input else { preconditionFailure("\(description): backward before forward") }
    let channels = channels
    let sums = state.sums.data
    sums.update(repeating: 0, count: 2 * channels * state.context.threads)
    state.context.pool.split(input.rows) { worker, rows in
      let gradientSum = sums + worker * 2 * channels
      if state.masksByOutput, let output = state.output {
        mask(outputGradient.data, by: output.data, rows, input: input.data, state, gradientSum)
      } else {
        sum(outputGradient.data, rows, input: input.data, state, gradientSum)
      }
    }
    for channel in 0..<channels {
      var gradientSum: Float = 0
      var productSum: Float = 0
      for worker in 0..<state.context.threads {
        gradientSum += sums[worker * 2 * channels + channel]
        productSum += sums[(worker * 2 + 1) * channels + channel]
      }
      beta.gradient[channel] = gradientSum
      gamma.gradient[channel] = productSum * state.inverseDeviation[channel]
    }
    let rows = Float(input.rows)
    for channel in 0..<channels {
      let slope = -state.scale[channel] * state.inverseDeviation[channel] * gamma.gradient[channel] / rows
      state.slope[channel] = slope
      state.offset[channel] = -state.scale[channel] * beta.gradient[channel] / rows - slope * state.mean[channel]
    }
  }

  private func sum(
    _ gradient: UnsafePointer<Float>, _ rows: Range<Int>, input: UnsafePointer<Float>, _ state: State,
    _ gradientSum: UnsafeMutablePointer<Float>
  ) {
    let (scale, shift, mean, floor, channels) = (state.scale, state.shift, state.mean, floor, channels)
    let productSum = gradientSum + channels
    for row in rows {
      let x = input + row * channels
      let dy = gradient + row * channels
      for c in 0..<channels {
        let gradient = x[c] * scale[c] + shift[c] > floor ? dy[c] : 0
        gradientSum[c] += gradient
        productSum[c] += gradient * (x[c] - mean[c])
      }
    }
  }

  private func mask(
    _ gradient: UnsafeMutablePointer<Float>, by output: UnsafePointer<Float>, _ rows: Range<Int>,
    input: UnsafePointer<Float>, _ state: State, _ gradientSum: UnsafeMutablePointer<Float>
  ) {
    let (mean, channels) = (state.mean, channels)
    let productSum = gradientSum + channels
    for row in rows {
      let x = input + row * channels
      let y = output + row * channels
      let dy = gradient + row * channels
      for c in 0..<channels {
        let gradient = y[c] > 0 ? dy[c] : 0
        dy[c] = gradient
        gradientSum[c] += gradient
        productSum[c] += gradient * (x[c] - mean[c])
      }
    }
  }

  /// `dx = gamma / deviation · (dy − dbeta / m − xhat · dgamma / m)`, m rows, after `computeParameterGradients`.
  ///
  /// - Parameters:
  ///   - rows, columns: which to write.
  ///   - overwritesInput: the gradient takes the place of the input, which nobody needs any more; otherwise that of
  ///     `outputGradient`.
  func computeInputGradient(
    _ outputGradient: Tensor, _ rows: Range<Int>, _ columns: Range<Int>, overwritesInput: Bool
  ) {
    guard let state, let input = state.input else { preconditionFailure("\(description): backward before forward") }
    let (scale, shift, slope, offset) = (state.scale, state.shift, state.slope, state.offset)
    let channels = channels
    // A gradient that is masked already passes whole.
    let floor = state.masksByOutput ? -.infinity : floor
    @inline(__always) func gradient(_ x: Float, _ dy: Float, _ c: Int) -> Float {
      let masked = x * scale[c] + shift[c] > floor ? dy : 0
      return scale[c] * masked + (slope[c] * x + offset[c])
    }
    // Two loops: the compiler vectorizes each only because it sees which array is written to.
    for row in rows {
      let x = input.data + row * channels
      let dy = outputGradient.data + row * channels
      if overwritesInput {
        for c in columns { x[c] = gradient(x[c], dy[c], c) }
      } else {
        for c in columns { dy[c] = gradient(x[c], dy[c], c) }
      }
    }
  }
}
