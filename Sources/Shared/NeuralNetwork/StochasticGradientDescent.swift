import Compute

/// SGD with Nesterov momentum and weight decay on every parameter, as PyTorch's `SGD(nesterov=True)`: `g += decay · w;
/// v = momentum · v + g; w −= rate · (g + momentum · v)`.
package final class StochasticGradientDescent {
  package let weightDecay: Float
  private let parameters: [Parameter]
  /// `v` of each parameter, in their order: "momentum." and the parameter's name, in its layout.
  package let momenta: [Parameter]
  private let pool: WorkerPool

  package init(_ parameters: [Parameter], weightDecay: Float, pool: WorkerPool) {
    self.parameters = parameters
    self.weightDecay = weightDecay
    self.pool = pool
    momenta = parameters.map { Parameter("momentum.\($0.name)", $0.layout, .constant(0), trained: false) }
  }

  /// Changes each parameter by its gradient.
  package func step(learningRate: Float, momentum: Float) {
    let decay = weightDecay
    for (parameter, momentumOfParameter) in zip(parameters, momenta) where parameter.count > 0 {
      let w = parameter.value.base
      let g = parameter.gradient.base
      let v = momentumOfParameter.value.base
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
