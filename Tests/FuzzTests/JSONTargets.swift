import Compute
import Platform

@testable import RunFiles
@testable import Training
@testable import Transport

extension FuzzTarget {
  private static let configurations = [
    #"{"architecture":"resnet18-imagenet","batch_size":128,"bits":4,"bottleneck":12,"compression":"zstd","cut":3,"data":"cifar10","epochs":10,"exit_head":"deep","full_scale":1,"learning_rate":0.1,"momentum":0.9,"scale":"channel","schedule":"one-cycle","seed":42,"strategy":"hierarchical","test_images":10000,"train_images":50000,"weight_decay":0.0005,"window":4}"#,
    #"{"architecture":"vgg8","batch_size":1,"data":"x","epochs":1,"keep_weights":"best","learning_rate":1,"link_delay":0.05,"link_rate":1e6,"momentum":0,"schedule":"constant","seed":18446744073709551615,"strategy":"cloud-stream","test_images":1,"train_images":1,"weight_decay":0,"window":1,"task":{"shape":{"height":8,"width":9,"channels":1},"classes":3,"mean":[0.5],"deviation":[0.25]}}"#,
    #"{"architecture":"vgg16","batch_size":1024,"bits":32,"compression":"none","cut":5,"data":"x","epochs":1,"learning_rate":1,"momentum":0,"scale":"tensor","schedule":"cosine","seed":0,"strategy":"split","test_images":1,"train_images":1,"weight_decay":0}"#,
  ]

  /// A run's configuration, as a hello or a file has it.
  static let configuration = FuzzTarget(
    "configuration",
    words: [
      "\"strategy\":", "\"architecture\":", "\"cut\":", "\"bottleneck\":", "\"bits\":", "\"scale\":",
      "\"compression\":", "\"epochs\":", "\"momentum\":", "\"schedule\":", "\"seed\":", "\"data\":", "\"window\":",
      "\"task\":", "\"exit_head\":", "\"batch_size\":", "\"full_scale\":", "\"learning_rate\":", "\"weight_decay\":",
      "\"link_rate\":", "\"link_delay\":", "\"keep_weights\":", "\"train_images\":", "\"test_images\":", "\"shape\":",
      "\"classes\":", "\"mean\":", "\"deviation\":", "\"height\":", "\"width\":", "\"channels\":", "hierarchical",
      "split", "cloud-stream", "cloud-upload-once", "edge-only", "vgg8", "vgg16", "resnet18", "pyramid", "residual",
      "one-cycle", "cosine", "constant", "step", "tensor", "channel", "zstd", "none", "every", "best", "null", "1e39",
      "1e-50", "-0.0", "9223372036854775807", "18446744073709551615",
    ]
  ) {
    configurations.map { Array($0.utf8) }
  } run: { input in
    let configuration: RunConfiguration
    do { configuration = try JSONMismatch.decode(RunConfiguration.self, from: input) } catch let error
      where error is JSONMismatch || error is CodecError
    {
      _ = "\(error)"
      return
    }
    do throws(ConfigurationError) { try configuration.validate() } catch { _ = error.description }
    let json = try RunJSON.encode(configuration, pretty: false)
    let again = try JSONMismatch.decode(RunConfiguration.self, from: json)
    try require(again == configuration, "\(configuration) comes back as \(again)")
  }

  /// The JSON of a run's own files: one of their kinds, and the text.
  static let runFiles = FuzzTarget(
    "run-files",
    words: [
      "\"role\":\"edge\"", "\"run_id\":", "\"software_version\":", "\"started_at\":", "\"cut\":", "\"bits\":",
      "\"kernels\":", "\"convolution\":", "\"outcome\":\"failed: ", "\"completed_epochs\":", "\"exit_accuracy\":",
      "\"state\":", "\"clock\":", "\"logs\":", "\"records\":", "\"traffic\":", "\"settings\":", "\"sums\":", "null",
      "_", "1e308", "-1", "18446744073709551615",
    ]
  ) {
    let summary = RunSummary(
      role: .edge, runId: try RunIdentifier(validating: "20261123-081502-3f9a1c"),
      softwareVersion: "0.1.0", startedAt: Timestamp(secondsSince1970: 1e9),
      strategy: "split", architecture: "vgg8", cut: 2, bits: 4, fullScale: nil, epochs: 3, seed: 7, threads: 2,
      convolution: .im2col, kernels: "Haswell")
    var records = RunProgress.Records()
    records.reports = [AnswerHistory.Report(sequence: 2, report: FuzzMessages.report)]
    records.images = RunProgress.StoredImages(byteCount: 3, checksum: 4)
    let progress = RunProgress(
      state: TrainingState(), clock: TrainingClock.Reading(),
      logs: RunRecorder.Position(
        summary: summary, trafficBefore: RunTraffic(), reportedSeconds: 1, trainedSeconds: 1, pending: [],
        bestAccuracy: 0.5,
        metricsBytes: 100, wallSeconds: 2),
      records: records, settings: RunProgress.Settings(timeout: 60, checkpointInterval: 1))
    return [[0] + (try RunJSON.encode(summary, pretty: true)), [1] + (try RunJSON.encode(progress, pretty: false))]
  } run: { input in
    var input = FuzzInput(input)
    let kind = input.byte() % 2
    let json = input.rest()
    if kind == 0 { try check(RunSummary.self, json) } else { try check(RunProgress.self, json) }
  }

  /// Where the values of a text are: each within that which holds it, and found by its path.
  static let jsonOutline = FuzzTarget("json-outline", words: FuzzMessages.words) {
    configurations.map { Array($0.utf8) }
      + [#"[1,-2.5e+3,"\u00e9\n",{"a":[],"a":{}},null,true]"#, " 7 "].map { Array($0.utf8) }
  } run: { input in
    guard let outline = JSONOutline(input) else { return }
    for (index, value) in outline.values.enumerated().prefix(40) {
      try require(value.range.upperBound <= input.count, "beyond the end")
      let path = outline.path(of: index)
      let range = outline.range(at: path)
      try require(range != nil && (range ?? 0..<0).lowerBound >= value.range.lowerBound, "\(path) is elsewhere")
    }
    if let path = outline.repeatedPath { try require(outline.range(at: path) != nil, "no \(path)") }
  }
}

/// What is read from a run's file is written, and read again.
private func check<Value: Codable & Equatable>(_ type: Value.Type, _ json: [UInt8]) throws {
  let value: Value
  do { value = try RunJSON.decode(type, from: json) } catch is DecodingError { return }
  let again = try RunJSON.decode(type, from: RunJSON.encode(value, pretty: true))
  try require(again == value, "\(value) comes back as \(again)")
}
