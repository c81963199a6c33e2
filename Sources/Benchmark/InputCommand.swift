import ArgumentParser
import Datasets

/// The input pipeline on one thread.
struct InputCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "input",
    abstract: "Time the preparation of training batches: crop, flip, normalize; one thread.")

  @OptionGroup var measurement: MeasurementOptions

  func run() throws {
    let count = 20 * measurement.batchSize
    let images = SyntheticImages(split: .train, count: count, seed: 0)
    let preparer = BatchPreparer.training(images, batchSize: measurement.batchSize, seed: 0)
    let loader = try BatchLoader(preparer)
    var failure: (any Error)?
    let time = Measurement(runs: measurement.runs) {
      do {
        loader.startEpoch(0)
        while try loader.next() != nil {}
      } catch { failure = error }
    }.median
    if let failure { throw failure }
    var report = Report(
      "training batches, one thread, batch \(measurement.batchSize)", json: measurement.json,
      columns: [("images_per_second", "images/s"), ("microseconds_per_image", "µs/image")])
    try report.append([
      .number(Double(count) / time, digits: 0), .number(time / Double(count) * 1e6, digits: 2),
    ])
    try report.finish()
  }
}
