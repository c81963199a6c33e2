import Compute
import Testing

@Suite struct ConvolutionGeometryTests {
  struct Case: Sendable {
    var height: Int
    var width: Int
    var kernelSize: Int
    var stride: Int
    var padding: Int
    /// Height and width; nil where the kernel does not fit.
    var output: [Int]?
  }

  static let cases: [Case] = [
    Case(height: 5, width: 7, kernelSize: 1, stride: 1, padding: 0, output: [5, 7]),
    Case(height: 5, width: 7, kernelSize: 1, stride: 2, padding: 0, output: [3, 4]),
    Case(height: 6, width: 8, kernelSize: 1, stride: 2, padding: 0, output: [3, 4]),
    Case(height: 5, width: 7, kernelSize: 1, stride: 1, padding: 1, output: [7, 9]),
    Case(height: 5, width: 7, kernelSize: 3, stride: 1, padding: 0, output: [3, 5]),
    Case(height: 5, width: 7, kernelSize: 3, stride: 1, padding: 1, output: [5, 7]),
    Case(height: 5, width: 7, kernelSize: 3, stride: 1, padding: 2, output: [7, 9]),
    Case(height: 5, width: 7, kernelSize: 3, stride: 2, padding: 1, output: [3, 4]),
    Case(height: 6, width: 8, kernelSize: 3, stride: 2, padding: 1, output: [3, 4]),
    Case(height: 32, width: 32, kernelSize: 3, stride: 1, padding: 1, output: [32, 32]),
    Case(height: 32, width: 32, kernelSize: 7, stride: 2, padding: 3, output: [16, 16]),
    Case(height: 16, width: 16, kernelSize: 3, stride: 2, padding: 1, output: [8, 8]),
    Case(height: 7, width: 9, kernelSize: 7, stride: 1, padding: 0, output: [1, 3]),
    Case(height: 7, width: 9, kernelSize: 2, stride: 2, padding: 0, output: [3, 4]),
    Case(height: 1, width: 1, kernelSize: 3, stride: 1, padding: 1, output: [1, 1]),
    Case(height: 2, width: 9, kernelSize: 3, stride: 1, padding: 0, output: nil),
    Case(height: 9, width: 2, kernelSize: 3, stride: 1, padding: 0, output: nil),
    Case(height: 4, width: 9, kernelSize: 7, stride: 1, padding: 1, output: nil),
    Case(height: 5, width: 9, kernelSize: 7, stride: 1, padding: 1, output: [1, 5]),
  ]

  @Test(arguments: cases) func outputSizes(_ row: Case) {
    let geometry = ConvolutionGeometry(
      input: FeatureShape(height: row.height, width: row.width, channels: 4), kernelSize: row.kernelSize,
      stride: row.stride, padding: row.padding)
    #expect(geometry.map { [$0.outputHeight, $0.outputWidth] } == row.output)
    guard let geometry, let output = row.output else { return }
    #expect(geometry.outputPositions == output[0] * output[1])
    #expect(geometry.patchValues == row.kernelSize * row.kernelSize * 4)
    #expect(geometry.isPointwise == (row.kernelSize == 1 && row.stride == 1 && row.padding == 0))
  }
}
