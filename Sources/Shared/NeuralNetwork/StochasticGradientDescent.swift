import Compute

/// SGD with Nesterov momentum and weight decay on every parameter, as PyTorch's `SGD(nesterov=True)`:
/// `g += decay · w; v = momentum · v + g; w −= rate · (g + momentum · v)`.
package final class StochasticGradientDescent {
  package let weightDecay: Float
  private let parameters: [Parameter]
  private let velocities: [UnsafeMutableBufferPointer<Float>]
  private let pool: WorkerPool

  package init(_ parameters: [Parameter], weightDecay: Float, pool: WorkerPool) {
    self.parameters = parameters
    self.weightDecay = weightDecay
    self.pool = pool
    velocities = parameters.map {
      let velocity = UnsafeMutableBufferPointer<Float>.allocate(capacity: $0.count)
      velocity.initialize(repeating: 0)
      return velocity
    }
  }

  deinit { velocities.forEach { $0.deallocate() } }

  /// Changes each parameter by its gradient.
  package func step(learningRate: Float, momentum: Float) {
    let decay = weightDecay
    for (parameter, velocity) in zip(parameters, velocities) where parameter.count > 0 {
      let w = parameter.value.base
      let g = parameter.gradient.base
      let v = velocity.base
      pool.split(parameter.count, grain: 16) { _, range in
        for index in range {
          let gradient = g[index] + decay * w[index]
          let speed = momentum * v[index] + gradient
          v[index] = speed
          w[index] -= learningRate * (gradient + momentum * speed)
        }
      }
    }
  }
}
