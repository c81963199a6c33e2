import Compute
import Testing

@Suite struct TranspositionTests {
  /// Whole squares of 16, their edges, and less than one.
  @Test(arguments: [(16, 16), (32, 48), (17, 33), (5, 3), (1, 20), (64, 30)])
  func everyValueFindsItsPlace(rows: Int, columns: Int) {
    let (sourceStride, targetStride) = (columns + 2, rows + 5)
    let source = (0..<rows * sourceStride).map(Float.init)
    var target = Array(repeating: Float(-1), count: columns * targetStride)
    Transposition.copy(
      rows: rows, columns: columns, source, sourceStride: sourceStride, to: &target, targetStride: targetStride)
    for column in 0..<columns {
      for row in 0..<targetStride {
        #expect(target[column * targetStride + row] == (row < rows ? source[row * sourceStride + column] : -1))
      }
    }
  }
}
