import Datasets
import Transport

/// Sends images as they are: planes of bytes, and a label each.
struct ImageSender {
  let images: any LabeledImages

  /// Posts a batch once there is a place in the window.
  ///
  /// - Parameters:
  ///   - indices: of the images, in order.
  ///   - run: its clock counts the wait.
  ///   - message: makes a frame of the batch.
  /// - Returns: the batch's sequence number.
  /// - Throws: `DatasetError`, what ended the link.
  @discardableResult func send(_ indices: some Collection<Int>, _ run: EdgeRun, _ message: (EncodedBatch) -> Message)
    throws -> UInt64
  {
    let size = images.task.imageBytes
    var pixels = [UInt8](repeating: 0, count: indices.count * size)
    try run.timeline.measure(.load) {
      try pixels.withUnsafeMutableBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return }
        for (place, index) in indices.enumerated() { try images.copyPixels(of: index, into: base + place * size) }
      }
    }
    let labels = indices.map { images.label(at: $0) }
    let sequence = try run.waiting { try run.cloud.reserve() }
    run.cloud.post(message(EncodedBatch(sequence: sequence, labels: labels, activations: pixels)))
    return sequence
  }

  /// Posts all images in order.
  ///
  /// - Throws: as `send`.
  func sendAll(_ run: EdgeRun, _ message: (EncodedBatch) -> Message) throws {
    let batchSize = run.configuration.batchSize
    for start in stride(from: 0, to: images.count, by: batchSize) {
      try send(start..<min(start + batchSize, images.count), run, message)
      run.showTraffic()
    }
  }
}
