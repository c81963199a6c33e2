import Compute
import Testing

@testable import NeuralNetwork

/// Who computes what of a batch of 128.
@Suite struct WorkPartitionTests {
  private static let batch = 128

  /// The convolutions of all architectures, with the features that they take.
  private static func convolutions() throws -> [(layer: Convolution, input: FeatureShape)] {
    try Architecture.allCases.flatMap {
      try Sequential(Array($0.blocks(channels: 3).joined())).convolutions(for: Architecture.imageShape)
    }
  }

  /// The output values of each worker.
  private static func work(of layer: Convolution, _ input: FeatureShape, _ method: ConvolutionMethod, workers: Int)
    throws
    -> [Int]
  {
    let geometry = try #require(
      ConvolutionGeometry(input: input, kernelSize: layer.kernelSize, stride: layer.stride, padding: layer.padding))
    let outputs = layer.outputChannels
    func shares(_ partition: WorkPartition, lines: Int, lineRows: Int) -> [Int] {
      (0..<workers).map { partition.lines(of: $0, of: lines).count * lineRows * partition.columns(of: $0).count }
    }
    if try layer.method(for: input, preferred: method) == .winograd {
      let pass = WinogradPass(
        WinogradTiling(geometry, outputChannels: outputs), columns: outputs, workers: workers, maximumCount: batch)
      return shares(
        pass.partition, lines: pass.lines(of: batch), lineRows: geometry.outputPositions / pass.tiling.tileRows)
    }
    if PositionwiseConvolution.applies(to: geometry, maximumCount: batch) {
      let partition = WorkPartition(
        lines: batch, lineTiles: 1, inner: layer.inputChannels, columns: outputs, workers: workers)
      return shares(partition, lines: batch, lineRows: geometry.outputPositions)
    }
    let rows = batch * geometry.outputPositions
    return (0..<workers).map {
      WorkerPool.range(of: $0, workers: workers, count: rows, grain: geometry.rowGrain).count * outputs
    }
  }

  @Test(arguments: ConvolutionMethod.allCases, [2, 4, 8, 16])
  func theBusiestHasAtMostATwentiethMore(method: ConvolutionMethod, workers: Int) throws {
    let convolutions = try Self.convolutions()
    #expect(convolutions.count > 40)
    for (layer, input) in convolutions {
      let work = try Self.work(of: layer, input, method, workers: workers)
      let mean = Double(work.reduce(0, +)) / Double(workers)
      let most = Double(work.max() ?? 0)
      #expect(most <= 1.05 * mean, "\(layer.description) @ \(input): \(work)")
    }
  }

  /// Nothing is left out or done twice, with any number of workers, and for short batches, too.
  @Test(arguments: Array(1...64)) func everyLineAndChannelIsSomeonesOnce(workers: Int) {
    for (lines, columns) in [(128, 512), (128, 64), (1024, 48), (7, 512), (1, 32), (64, 16)] {
      let partition = WorkPartition(lines: 128, lineTiles: 1, inner: 64, columns: columns, workers: workers)
      var seen: [[Int]: Int] = [:]
      for worker in 0..<workers {
        for line in partition.lines(of: worker, of: lines) {
          let own = partition.columns(of: worker)
          if !own.isEmpty { seen[[line, own.lowerBound], default: 0] += own.count }
        }
      }
      #expect(seen.values.reduce(0, +) == lines * columns, "\(lines) lines, \(columns) columns")
      #expect(Set(seen.values).isSubset(of: Set((0..<workers).map { partition.columns(of: $0).count })))
    }
  }
}
