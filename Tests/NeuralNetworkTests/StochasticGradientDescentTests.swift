import Compute
import NeuralNetwork
import TestSupport
import Testing

@Suite struct StochasticGradientDescentTests {
  static func parameter(_ values: [Float]) -> Parameter {
    let parameter = Parameter("w", .vector(values.count), .constant(0))
    for (index, value) in values.enumerated() { parameter.value[index] = value }
    return parameter
  }

  /// Rate 1/2, momentum 1/2, decay 1/4; every number is a short binary fraction, so the float results are exact.
  ///
  ///     w            gradient + decay · w       velocity           step · 1/2: gradient' + velocity / 2
  ///     1            1 + 0.25 = 1.25            1.25               1.875 / 2
  ///     0.0625       −1 + 0.015625              −0.359375          −1.1640625 / 2
  ///     0.64453125   0.5 + 0.1611328125         0.4814453125       0.90185546875 / 2
  @Test func threeNesterovStepsByHand() throws {
    let parameter = Self.parameter([1])
    let optimizer = try StochasticGradientDescent(
      [parameter], weightDecay: 0.25, pool: WorkerPool(workers: 1))
    for (gradient, expected) in [(1, 0.0625), (-1, 0.64453125), (0.5, 0.193603515625)] as [(Float, Float)] {
      parameter.gradient[0] = gradient
      optimizer.step(learningRate: 0.5, momentum: 0.5)
      expectSame(parameter.value, [expected])
    }
    // What a checkpoint has to hold beside the weights.
    #expect(optimizer.momenta.map(\.name) == ["momentum.w"])
    expectSame(optimizer.momenta[0].value, [0.4814453125])
  }

  @Test func withoutMomentumAndDecayItIsPlainDescent() throws {
    let parameter = Self.parameter([1, -2])
    let optimizer = try StochasticGradientDescent([parameter], weightDecay: 0, pool: WorkerPool(workers: 1))
    parameter.gradient[0] = 4
    parameter.gradient[1] = -8
    for _ in 0..<2 { optimizer.step(learningRate: 0.25, momentum: 0) }
    expectSame(parameter.value, [-1, 2])
  }

  /// Each step uses its own rate and momentum, as schedules change them: v = 1, then 0.5 · 1 + 1, then 0 · 1.5 + 1;
  /// −1.25 − 2 · 1.75 = −4.75, and −4.75 − 1 = −5.75.
  @Test func rateAndMomentumMayChange() throws {
    let parameter = Self.parameter([0])
    let optimizer = try StochasticGradientDescent([parameter], weightDecay: 0, pool: WorkerPool(workers: 1))
    parameter.gradient[0] = 1
    optimizer.step(learningRate: 1, momentum: 0.25)
    expectSame(parameter.value, [-1.25])
    optimizer.step(learningRate: 2, momentum: 0.5)
    expectSame(parameter.value, [-4.75])
    optimizer.step(learningRate: 1, momentum: 0)
    expectSame(parameter.value, [-5.75])
  }

  @Test(arguments: [1, 2, 3, 5]) func everyParameterOnceWithAnyThreads(workers: Int) throws {
    let sizes = [1, 15, 16, 33, 100]
    let parameters = sizes.map { Parameter("w", .vector($0), .constant(0)) }
    let optimizer = StochasticGradientDescent(
      parameters, weightDecay: 0.1, pool: try WorkerPool(workers: workers))
    var expected: [[Double]] = []
    for (number, parameter) in parameters.enumerated() {
      parameter.value.fillRandomly(seed: UInt64(number))
      expected.append(parameter.value.map(Double.init))
    }
    var velocities = expected.map { $0.map { _ in 0.0 } }
    for step in 0..<4 {
      for (number, parameter) in parameters.enumerated() {
        parameter.gradient.fillRandomly(seed: UInt64(10 * step + number + 100))
        for index in 0..<parameter.count {
          let gradient = Double(parameter.gradient[index]) + 0.1 * expected[number][index]
          velocities[number][index] = 0.9 * velocities[number][index] + gradient
          expected[number][index] -= 0.2 * (gradient + 0.9 * velocities[number][index])
        }
      }
      optimizer.step(learningRate: 0.2, momentum: 0.9)
    }
    for (parameter, values) in zip(parameters, expected) { expectClose(parameter.value, values) }
  }
}
