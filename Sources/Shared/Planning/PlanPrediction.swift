import NeuralNetwork
import Terminal
import Training
import Transport

/// Puts what was measured of a strategy at a cut into the model.
struct PlanPrediction {
  let request: PlanRequest
  let model: RuntimeModel
  /// The longest frame that the cloud accepts.
  let maximumFrameBytes: Int
  let imagesPerBatch: Int

  /// - Parameters:
  ///   - part: a strategy, and its cut if it has one.
  ///   - edge: of one batch.
  ///   - cloud: of one batch; nil where there is none.
  ///   - exclusions: takes what does not fulfil the conditions.
  /// - Throws: `ShapeError`.
  func rows(_ part: PlanSetting, _ edge: EdgeTimes, _ cloud: CloudTimes?, _ exclusions: inout PlanExclusions) throws
    -> [PlanRow]
  {
    let rows =
      switch part.strategy {
      case .hierarchical, .split: try features(part, edge, cloud, &exclusions)
      case .cloudStream: [images(part, edge, cloud)]
      case .cloudUploadOnce: [upload(part, edge, cloud)]
      case .edgeOnly:
        [PlanRow(setting: part, bytesPerImage: 0, prediction: model.alone(edge), edgeMemoryBytes: edge.peakMemoryBytes)]
      }
    guard let limit = request.maximumEdgeMemory else { return rows }
    return rows.filter { row in
      guard let memory = row.edgeMemoryBytes, memory > limit else { return true }
      exclusions.add("more edge memory than --max-edge-memory, \(Formatting.bytes(limit))", [row.setting])
      return false
    }
  }

  private func features(
    _ part: PlanSetting, _ edge: EdgeTimes, _ cloud: CloudTimes?, _ exclusions: inout PlanExclusions
  ) throws -> [PlanRow] {
    guard let cloud else { return [] }
    var rows: [PlanRow] = []
    for (format, encoding) in zip(request.formats, edge.encodings) {
      let setting = PlanSetting(part.strategy, cut: part.cut, bits: format.bits)
      let configuration = request.configuration(part, format)
      guard try configuration.largestFrameBytes() <= maximumFrameBytes else {
        exclusions.add("longer frames than the \(maximumFrameBytes) bytes that the cloud accepts", [setting])
        continue
      }
      let isSplit = part.strategy == .split
      let gradientBytes = isSplit ? try gradientFrameBytes(configuration) : 0
      rows.append(
        PlanRow(
          setting: setting, bytesPerImage: perImage(encoding.frameBytes), downBytesPerImage: perImage(gradientBytes),
          prediction: isSplit
            ? model.lockStep(edge, encoding, cloud, gradientBytes: gradientBytes)
            : model.pipelined(edge, encoding, cloud),
          // What waits to be sent, and what came back.
          edgeMemoryBytes: edge.peakMemoryBytes.map {
            $0 + (isSplit ? encoding.frameBytes + gradientBytes : request.base.window * encoding.frameBytes)
          }, cloudMemoryBytes: cloud.peakMemoryBytes))
    }
    return rows
  }

  private func gradientFrameBytes(_ configuration: RunConfiguration) throws -> Int {
    let shape = ActivationShape(try SplitNetwork(configuration.network).cutShape, count: imagesPerBatch)
    return FrameHeader.byteCount + ActivationFormat.exact.encodedByteCount(shape: shape)
  }

  private func images(_ part: PlanSetting, _ edge: EdgeTimes, _ cloud: CloudTimes?) -> PlanRow {
    guard let cloud, let frame = edge.encodings.first else {
      preconditionFailure("\(part.strategy.rawValue) without a cloud")
    }
    return PlanRow(
      setting: part, bytesPerImage: perImage(frame.frameBytes), prediction: model.pipelined(edge, frame, cloud),
      edgeMemoryBytes: edge.peakMemoryBytes.map { $0 + request.base.window * frame.frameBytes },
      cloudMemoryBytes: cloud.peakMemoryBytes)
  }

  private func upload(_ part: PlanSetting, _ edge: EdgeTimes, _ cloud: CloudTimes?) -> PlanRow {
    guard let cloud, let frame = edge.encodings.first else {
      preconditionFailure("\(part.strategy.rawValue) without a cloud")
    }
    let base = request.base
    let images = base.trainImages + base.testImages
    let uploadBytes = perImage(frame.frameBytes) * Double(images)
    return PlanRow(
      setting: part, bytesPerImage: 0, prediction: model.uploaded(uploadBytes: Int(uploadBytes), cloud),
      edgeMemoryBytes: edge.peakMemoryBytes.map { $0 + base.window * frame.frameBytes },
      cloudMemoryBytes: cloud.peakMemoryBytes.map { $0 + base.uploadedBytes })
  }

  private func perImage(_ bytes: Int) -> Double { Double(bytes) / Double(imagesPerBatch) }
}
