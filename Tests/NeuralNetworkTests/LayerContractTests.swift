import Compute
import NeuralNetwork
import TestSupport
import Testing

/// What every layer promises (see `Layer`), for each layer of the tables and 1, 2 and 3 threads.
@Suite struct LayerContractTests {
  static let threads = [1, 2, 3]

  @Test(arguments: LayerCase.all, threads) func gradientsEqualCentralDifferences(
    _ row: LayerCase, threads: Int
  ) throws {
    var checker = GradientChecker()
    checker.hasKinks = row.hasKinks
    if row.hasKinks { checker.step = 0x1p-7 }
    if row.isLinear {
      checker.step = 0.5
      // Winograd's sums cancel more: the tolerance of all other layers.
      if row.convolution == .im2col { checker.tolerance = 2e-4 }
    }
    checker.samples = row.isLarge ? 12 : threads == 1 ? 200 : 30
    let harness = try row.harness(threads: threads)
    if row.farFromKinks {
      harness.moveFarFromKinks()
      checker.step = 0x1p-4
    }
    try checker.check(row.testDescription, harness, count: row.count)
  }

  @Test(arguments: LayerCase.all, threads) func gradientsAreWrittenNotAdded(_ row: LayerCase, threads: Int)
    throws
  {
    let harness = try row.harness(threads: threads)
    let features = Tensor.random(row.shape, count: row.count, seed: 1)
    let gradient = Tensor.random(harness.outputShape, count: row.count, seed: 2)
    _ = harness.forward(features)
    let first = try #require(harness.backward(gradient))
    let firstOfParameters = harness.parameterGradients
    _ = harness.forward(features)
    let second = try #require(harness.backward(gradient))
    expectSame(second, first, "input")
    expectSame(harness.parameterGradients, firstOfParameters, "parameters")
  }

  @Test(arguments: LayerCase.all, threads) func threadsDoNotChangeTheResult(_ row: LayerCase, threads: Int)
    throws
  {
    let features = Tensor.random(row.shape, count: row.count, seed: 1)
    func run(_ threads: Int) throws -> (output: [Float], input: [Float], parameters: [Float]) {
      let harness = try row.harness(threads: threads)
      let output = Array(harness.forward(features).buffer)
      let gradient = Tensor.random(harness.outputShape, count: row.count, seed: 2)
      return (output, try #require(harness.backward(gradient)), harness.parameterGradients)
    }
    let one = try run(1)
    let several = try run(threads)
    expectClose(several.output, one.output.map(Double.init), tolerance: 1e-4, "output")
    expectClose(several.input, one.input.map(Double.init), tolerance: 1e-4, "input gradient")
    expectClose(several.parameters, one.parameters.map(Double.init), tolerance: 1e-4, "parameter gradients")
  }

  /// A short last batch gives what it gives alone, though its memory is that of a larger one.
  @Test(arguments: LayerCase.all, threads) func smallerBatchAfterALargerOne(_ row: LayerCase, threads: Int)
    throws
  {
    let small = Tensor.random(row.shape, count: row.count, seed: 1)
    let large = Tensor.random(row.shape, count: row.count + 2, seed: 2)
    let fresh = try row.harness(threads: threads)
    let used = try row.harness(threads: threads, maximumCount: row.count + 2)
    let gradient = Tensor.random(fresh.outputShape, count: row.count, seed: 3)

    let old = used.forward(large)
    _ = used.backward(Tensor.random(fresh.outputShape, count: row.count + 2, seed: 4))
    old.buffer.update(repeating: .nan)
    let output = used.forward(small)
    #expect(output.count == row.count && output.shape == fresh.outputShape)
    expectSame(output.buffer, fresh.forward(small).buffer, "output")
    expectSame(
      try #require(used.backward(gradient)), try #require(fresh.backward(gradient)), "input gradient")
    expectSame(used.parameterGradients, fresh.parameterGradients, "parameter gradients")
  }

  @Test(arguments: LayerCase.all, threads) func inputGradientCanBeSkipped(_ row: LayerCase, threads: Int)
    throws
  {
    let harness = try row.harness(threads: threads)
    let features = Tensor.random(row.shape, count: row.count, seed: 1)
    let gradient = Tensor.random(harness.outputShape, count: row.count, seed: 2)
    _ = harness.forward(features)
    _ = harness.backward(gradient)
    let expected = harness.parameterGradients
    _ = harness.forward(features)
    #expect(harness.backward(gradient, needsInputGradient: false) == nil)
    expectSame(harness.parameterGradients, expected, "parameter gradients")
  }

  /// Every borrowed gradient goes back: after the first steps no new one is made.
  @Test(arguments: LayerCase.all, [true, false])
  func gradientsReturnToThePool(_ row: LayerCase, needsInputGradient: Bool) throws {
    let harness = try row.harness(threads: 1)
    let features = Tensor.random(row.shape, count: row.count, seed: 1)
    let gradient = Tensor.random(harness.outputShape, count: row.count, seed: 2)
    func step() {
      _ = harness.forward(features)
      _ = harness.backward(gradient, needsInputGradient: needsInputGradient)
    }
    step()
    let pool = harness.context.gradients
    let free = (0..<8).map { _ in pool.take(harness.outputShape, count: row.count) }
    free.forEach(pool.give)
    for _ in 0..<10 { step() }
    let later = (0..<8).map { _ in pool.take(harness.outputShape, count: row.count) }
    #expect(Set(later.map(ObjectIdentifier.init)) == Set(free.map(ObjectIdentifier.init)))
  }

  @Test(arguments: LayerCase.all) func evaluationNeitherLearnsNorDependsOnTheBatch(_ row: LayerCase) throws {
    let harness = try row.harness(threads: 2)
    for (index, statistic) in harness.layer.statistics.enumerated() {
      for channel in statistic.value.indices { statistic.value[channel] = 0.5 + 0.1 * Float(index + channel) }
    }
    let statistics = harness.layer.statistics.flatMap { Array($0.value) }
    let features = Tensor.random(row.shape, count: row.count, seed: 1)
    let together = Array(harness.forward(features, training: false).buffer)
    for image in 0..<row.count {
      let alone = Tensor(row.shape, count: 1)
      alone.data.update(from: features.data + image * row.shape.values, count: row.shape.values)
      let values = harness.outputShape.values
      expectClose(
        harness.forward(alone, training: false).buffer,
        together[image * values..<(image + 1) * values].map(Double.init),
        tolerance: row.convolution == .im2col ? 1e-5 : 1e-4, "image \(image)")
    }
    expectSame(harness.layer.statistics.flatMap { Array($0.value) }, statistics, "statistics")
  }

  /// A value that is not a number reaches the output, unless no output depends on it.
  @Test(arguments: LayerCase.all, [true, false]) func notANumberIsNotHidden(_ row: LayerCase, training: Bool)
    throws
  {
    let harness = try row.harness(threads: 1)
    let features = Tensor.random(row.shape, count: row.count, seed: 1)
    let before = Array(harness.forward(features, training: training).buffer)
    let samples = row.isLarge ? 10 : min(60, features.values)
    var read = 0
    var hidden: [Int] = []
    for sample in 0..<samples {
      let index = (sample * features.values + features.values / 2) / samples
      let value = features.data[index]
      defer { features.data[index] = value }
      features.data[index] = 1e4
      guard Array(harness.forward(features, training: training).buffer) != before else { continue }
      read += 1
      features.data[index] = .nan
      let output = harness.forward(features, training: training)
      if !output.buffer.contains(where: { $0.isNaN }) { hidden.append(index) }
      for statistic in harness.layer.statistics { statistic.initialize(seed: 0) }
    }
    #expect(read > 0)
    #expect(hidden == [], "\(row.testDescription): inputs that do not reach the output")
  }
}
