/// Memory for one batch: 64-byte aligned [batchSize, 32, 32, 3] values and [batchSize] labels.
final class BatchBuffer: @unchecked Sendable {
  let images: UnsafeMutablePointer<Float>
  let labels: UnsafeMutablePointer<UInt8>

  init(batchSize: Int) {
    let valueCount = batchSize * ImageFormat.valueCount
    images =
      UnsafeMutableRawPointer
      .allocate(byteCount: valueCount * MemoryLayout<Float>.stride, alignment: 64)
      .bindMemory(to: Float.self, capacity: valueCount)
    labels = .allocate(capacity: batchSize)
  }

  deinit {
    UnsafeMutableRawPointer(images).deallocate()
    labels.deallocate()
  }
}
