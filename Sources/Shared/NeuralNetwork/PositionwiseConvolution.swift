import Compute

/// Convolution of small images, over sgemm, that leaves out what is multiplied by padding.
///
/// Under one cell of the kernel, the same position of all images is a part of the im2col matrix as it lies in memory:
/// `[images, channels]`, a whole image between the rows. So each output position is a sum of products over the cells
/// that lie inside the image, without a copy and without the zeros: of a 3×3 kernel with padding 1, 16 of 36 cells in
/// an image of 2×2, 100 of 144 in one of 4×4, 484 of 576 in one of 8×8.
struct PositionwiseConvolution: ConvolutionAlgorithm {
  private let context: ComputeContext
  private let geometry: ConvolutionGeometry
  private let outputChannels: Int
  private let forwards: WorkPartition
  private let backwards: WorkPartition
  private let sums: WeightSums
  /// Which cell of the kernel joins which positions: by output position, and by input position.
  private let byOutput: [[Tap]]
  private let byInput: [[Tap]]
  private let cells: Int
  /// Cells that join none, as where an image is smaller than the kernel.
  private let unusedCells: [Int]

  private struct Tap {
    var output: Int
    var input: Int
    var cell: Int
    /// The first of its cell, in the order of the outputs.
    var isFirst: Bool
  }

  /// Images that are multiplied together.
  private static let blockImages = 64

  /// Scratch areas of a worker.
  private enum Slot {
    /// The weights of a panel of columns; the output's gradient at one position of a block.
    static let panel = 0
    /// Its sum of the weights' gradient.
    static let sum = 1
  }

  /// Whether a convolution of so many images is computed like this: the images are small, and there are enough of them
  /// and of channels for sgemm to be fast.
  static func applies(to geometry: ConvolutionGeometry, maximumCount: Int) -> Bool {
    !geometry.isPointwise && geometry.outputPositions <= 64 && geometry.input.channels >= 32 && maximumCount >= 32
  }

  init(_ geometry: ConvolutionGeometry, outputChannels: Int, context: ComputeContext, maximumCount: Int) {
    self.context = context
    self.geometry = geometry
    self.outputChannels = outputChannels
    (forwards, backwards) = Self.partitions(
      geometry, outputChannels: outputChannels, threads: context.threads, maximumCount: maximumCount)
    sums = WeightSums(
      context, forwards, rows: geometry.patchValues, columns: outputChannels, slot: Slot.sum)
    let kernelSize = geometry.kernelSize
    cells = kernelSize * kernelSize
    var (taps, unused) = ([Tap](), Set(0..<cells))
    for output in 0..<geometry.outputPositions {
      let (y, x) = output.quotientAndRemainder(dividingBy: geometry.outputWidth)
      for cell in 0..<cells {
        let (row, column) = cell.quotientAndRemainder(dividingBy: kernelSize)
        let inputY = y * geometry.stride - geometry.padding + row
        let inputX = x * geometry.stride - geometry.padding + column
        guard 0..<geometry.input.height ~= inputY && 0..<geometry.input.width ~= inputX else { continue }
        let input = inputY * geometry.input.width + inputX
        taps.append(Tap(output: output, input: input, cell: cell, isFirst: unused.remove(cell) != nil))
      }
    }
    unusedCells = unused.sorted()
    func grouped(_ count: Int, by key: (Tap) -> Int) -> [[Tap]] {
      taps.reduce(into: Array(repeating: [], count: count)) { $0[key($1)].append($1) }
    }
    byOutput = grouped(geometry.outputPositions) { $0.output }
    byInput = grouped(geometry.input.positions) { $0.input }
    context.reserveScratch(
      Self.scratch(geometry, outputChannels: outputChannels, threads: context.threads, maximumCount: maximumCount))
  }

  /// The values of each scratch area of a worker.
  static func scratch(_ geometry: ConvolutionGeometry, outputChannels: Int, threads: Int, maximumCount: Int) -> [Int] {
    let (forwards, backwards) = partitions(
      geometry, outputChannels: outputChannels, threads: threads, maximumCount: maximumCount)
    let cells = geometry.kernelSize * geometry.kernelSize
    func panel(_ partition: WorkPartition, inner: Int) -> Int {
      max(cells * inner, blockImages) * ProductShape.panelColumns(partition.largestShare(lines: maximumCount).columns)
    }
    return [
      max(panel(forwards, inner: geometry.input.channels), panel(backwards, inner: outputChannels)),
      WeightSums.room(
        forwards, rows: geometry.patchValues, columns: forwards.largestShare(lines: maximumCount).columns),
    ]
  }

  private static func partitions(
    _ geometry: ConvolutionGeometry, outputChannels: Int, threads: Int, maximumCount: Int
  ) -> (forwards: WorkPartition, backwards: WorkPartition) {
    let inputChannels = geometry.input.channels
    return (
      WorkPartition(
        lines: maximumCount, lineTiles: 1, inner: inputChannels, columns: outputChannels, workers: threads),
      WorkPartition(
        lines: maximumCount, lineTiles: 1, inner: outputChannels, columns: inputChannels, workers: threads)
    )
  }

  // MARK: Matrices in place

  /// The values of one position of the images of a block: `[block.count, channels]` from a channel on, and the values
  /// from one image to the next.
  private func inputs(_ tensor: Tensor, _ block: Range<Int>, _ position: Int) -> (UnsafeMutablePointer<Float>, Int) {
    let values = geometry.input.values
    return (tensor.data + block.lowerBound * values + position * geometry.input.channels, values)
  }

  private func outputs(_ tensor: Tensor, _ block: Range<Int>, _ position: Int) -> (UnsafeMutablePointer<Float>, Int) {
    let values = geometry.outputPositions * outputChannels
    return (tensor.data + block.lowerBound * values + position * outputChannels, values)
  }

  private func rows(_ block: Range<Int>) -> Range<Int> {
    block.lowerBound * geometry.outputPositions..<block.upperBound * geometry.outputPositions
  }

  /// Calls `body` in each worker with the panels of its columns, one after the other, and with the blocks of its
  /// images.
  private func forEachPanel(
    _ partition: WorkPartition, images: Int,
    _ body: (_ panel: Range<Int>, _ blocks: [Range<Int>], _ worker: Int) -> Void
  ) {
    context.pool.run { worker in
      let columns = partition.columns(of: worker)
      let blocks = Array(partition.lines(of: worker, of: images).parts(of: Self.blockImages))
      if blocks.isEmpty { return }
      for panel in columns.parts(of: ProductShape.panelColumns(columns.count)) { body(panel, blocks, worker) }
    }
  }

  // MARK: The products

  func forward(
    _ input: Tensor, weights: UnsafePointer<Float>, into output: Tensor,
    finish: (_ rows: Range<Int>, _ columns: Range<Int>, _ worker: Int) -> Void
  ) {
    let inner = geometry.input.channels
    forEachPanel(forwards, images: input.count) { panel, blocks, worker in
      let copy = context.scratch(worker: worker, slot: Slot.panel)
      for row in 0..<geometry.patchValues {
        (copy + row * panel.count).update(
          from: weights + row * outputChannels + panel.lowerBound, count: panel.count)
      }
      for block in blocks {
        let shape = ProductShape(rows: block.count, columns: panel.count, inner: inner)
        for (position, taps) in byOutput.enumerated() {
          let (target, stride) = outputs(output, block, position)
          sum(
            taps, shape, { inputs(input, block, $0.input) }, copy, into: target + panel.lowerBound, stride: stride,
            accumulate: false)
        }
        finish(rows(block), panel, worker)
      }
    }
  }

  func computeInputGradient(
    _ outputGradient: Tensor, weights: UnsafePointer<Float>, into inputGradient: Tensor, accumulate: Bool
  ) {
    let (inner, matrix) = (outputChannels, geometry.input.channels * outputChannels)
    forEachPanel(backwards, images: outputGradient.count) { panel, blocks, worker in
      let copy = context.scratch(worker: worker, slot: Slot.panel)
      for cell in 0..<cells {
        Transposition.copy(
          rows: panel.count, columns: inner, weights + cell * matrix + panel.lowerBound * inner, sourceStride: inner,
          to: copy + cell * inner * panel.count, targetStride: panel.count)
      }
      for block in blocks {
        let shape = ProductShape(rows: block.count, columns: panel.count, inner: inner)
        for (position, taps) in byInput.enumerated() {
          let (target, stride) = inputs(inputGradient, block, position)
          sum(
            taps, shape, { outputs(outputGradient, block, $0.output) }, copy, into: target + panel.lowerBound,
            stride: stride, accumulate: accumulate)
        }
      }
    }
  }

  func computeWeightGradient(
    input: Tensor, outputGradient: Tensor, into gradient: UnsafeMutablePointer<Float>,
    prepare: ((_ rows: Range<Int>, _ columns: Range<Int>) -> Void)?
  ) {
    let rows = geometry.input.channels
    forEachPanel(forwards, images: input.count) { panel, blocks, worker in
      let (sum, stride) = sums.place(of: worker, in: gradient)
      let target = sum + panel.lowerBound - forwards.columns(of: worker).lowerBound
      let copy = context.scratch(worker: worker, slot: Slot.panel)
      for cell in unusedCells {
        clear(target + cell * rows * stride, rows: rows, columns: panel.count, stride: stride)
      }
      for block in blocks {
        prepare?(self.rows(block), panel)
        let shape = ProductShape(rows: rows, columns: panel.count, inner: block.count, transposeA: true)
        for (position, taps) in byOutput.enumerated() {
          // Read again and again; in place, the rows would fall into the same places of a cache.
          let (source, sourceStride) = outputs(outputGradient, block, position)
          for row in 0..<block.count {
            (copy + row * panel.count).update(
              from: source + row * sourceStride + panel.lowerBound, count: panel.count)
          }
          for tap in taps {
            let (a, aStride) = inputs(input, block, tap.input)
            GEMM.multiply(
              shape, .init(a, stride: aStride), .init(copy, stride: panel.count),
              into: target + tap.cell * rows * stride, stride: stride,
              accumulate: !tap.isFirst || block.lowerBound > blocks[0].lowerBound)
          }
        }
      }
    }
    sums.add(lines: input.count, into: gradient)
  }

  /// The sum over the taps of one position: what `source` gives for each, times the weights of its cell.
  private func sum(
    _ taps: [Tap], _ shape: ProductShape, _ source: (Tap) -> (UnsafeMutablePointer<Float>, Int),
    _ weights: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float>, stride: Int, accumulate: Bool
  ) {
    if taps.isEmpty && !accumulate { clear(target, rows: shape.rows, columns: shape.columns, stride: stride) }
    for (index, tap) in taps.enumerated() {
      let (values, valueStride) = source(tap)
      GEMM.multiply(
        shape, .init(values, stride: valueStride),
        .init(weights + tap.cell * shape.inner * shape.columns, stride: shape.columns), into: target, stride: stride,
        accumulate: accumulate || index > 0)
    }
  }

  /// A result that nothing adds to.
  private func clear(_ target: UnsafeMutablePointer<Float>, rows: Int, columns: Int, stride: Int) {
    for row in 0..<rows { (target + row * stride).update(repeating: 0, count: columns) }
  }
}
