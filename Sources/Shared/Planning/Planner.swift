import Compute
import Datasets
import Logging
import NeuralNetwork
import Platform
import Terminal
import Transport
import Trust

/// Measures this edge, the cloud and the link, and predicts what every setting would take.
package final class Planner {
  /// A cloud's answer.
  private enum CloudAnswer {
    case times(CloudTimes)
    case refusal(String)
  }

  private let request: PlanRequest
  private let compute: ComputeSettings
  private let train: any LabeledImages
  private let test: any LabeledImages
  private let interruption: Interruption
  private let logger: Logger
  private var exclusions = PlanExclusions()

  /// - Parameters:
  ///   - request: whose configuration is of these numbers of images.
  ///   - compute: how this machine computes.
  ///   - interruption: ends what is under way.
  package init(
    _ request: PlanRequest, compute: ComputeSettings, train: any LabeledImages, test: any LabeledImages,
    interruption: Interruption, logger: Logger
  ) {
    self.request = request
    self.compute = compute
    self.train = train
    self.test = test
    self.interruption = interruption
    self.logger = logger
  }

  /// - Parameters:
  ///   - cloud: its address; nil if no strategy needs one. Nobody calls there if what needs one is out of the question.
  ///   - trust: how the connection to it is protected.
  ///   - timeout: seconds without progress of the cloud.
  /// - Throws: what `EdgeConnector.connect` throws, `NothingLeftError`, `DatasetError`, `CodecError`,
  ///   `InterruptedError`.
  package func plan(cloud: Endpoint?, trust: TrustSettings = TrustSettings(), timeout: Double) throws -> Plan {
    let parts = eligibleParts()
    var link: LinkSpeed?
    var answers: [PlanSetting: CloudAnswer] = [:]
    var maximumFrameBytes = Int.max
    guard !parts.isEmpty else { throw NothingLeftError(exclusions: exclusions.all) }
    if let cloud, parts.contains(where: { $0.strategy.needsCloud }) {
      let probe = try CloudProbe(
        cloud, trust, request.base, timeout: timeout, interruption: interruption, logger: logger)
      maximumFrameBytes = probe.maximumFrameBytes
      (link, answers) = try probe.asking { try ask($0, parts) }
    }
    let model = RuntimeModel(
      batches: Double(request.base.trainImages) / Double(imagesPerBatch),
      link: link ?? LinkSpeed(roundTripSeconds: 0, upBytesPerSecond: 1, downBytesPerSecond: 1),
      window: request.base.window)
    var rows: [PlanRow] = []
    for part in parts {
      var cloudTimes: CloudTimes?
      switch answers[part] {
      case .refusal(let reason):
        exclusions.add("the cloud refuses: \(reason)", settings(of: part))
        continue
      case .times(let times): cloudTimes = times
      case nil: break
      }
      let edgeTimes = try timeEdge(part)
      let prediction = PlanPrediction(
        request: request, model: model, maximumFrameBytes: maximumFrameBytes, imagesPerBatch: imagesPerBatch)
      rows += try prediction.rows(part, edgeTimes, cloudTimes, &exclusions)
    }
    guard !rows.isEmpty else { throw NothingLeftError(exclusions: exclusions.all) }
    return Plan(link: link, epochs: request.base.epochs, rows: rows, exclusions: exclusions.all)
  }

  private var imagesPerBatch: Int { min(request.base.batchSize, request.base.trainImages) }

  // MARK: What is measured

  /// Every strategy with every cut, but for those that are out of the question.
  private func eligibleParts() -> [PlanSetting] {
    let blockCount = request.base.network.architecture.blockCount
    let parts = request.strategies.flatMap { strategy in
      strategy.isCut ? request.cuts.map { PlanSetting(strategy, cut: $0) } : [PlanSetting(strategy)]
    }
    return parts.filter { part in
      if part.blocksOnEdge(of: blockCount) < request.minimumCut {
        exclusions.add("fewer blocks on the edge than --min-cut \(request.minimumCut)", settings(of: part))
        return false
      }
      do {
        _ = try SplitNetwork(request.configuration(part, request.formats[0]).network)
        return true
      } catch {
        exclusions.add("\(error)", settings(of: part))
        return false
      }
    }
  }

  /// The rows of a strategy at a cut: one for each number of bits, where features travel.
  private func settings(of part: PlanSetting) -> [PlanSetting] {
    guard part.strategy.isCut else { return [part] }
    return request.formats.map { PlanSetting(part.strategy, cut: part.cut, bits: $0.bits) }
  }

  private func ask(_ probe: CloudProbe, _ parts: [PlanSetting]) throws -> (LinkSpeed, [PlanSetting: CloudAnswer]) {
    let link = try probe.linkSpeed()
    logger.info(
      """
      link: \(PlanFormat.rate(link.upBytesPerSecond)) up, \(PlanFormat.rate(link.downBytesPerSecond)) down, \
      round trip \(PlanFormat.milliseconds(link.roundTripSeconds))
      """)
    // What is small enough in the fewest bits may be too much in more: that is looked at later.
    guard let fewest = request.formats.min(by: { $0.bits < $1.bits }) else { return (link, [:]) }
    var answers: [PlanSetting: CloudAnswer] = [:]
    for part in parts where part.strategy.needsCloud {
      let report = try probe.report(on: request.configuration(part, fewest), steps: request.steps)
      if let refusal = report.refusal {
        answers[part] = .refusal(refusal)
        logger.notice("cloud, \(part): refused: \(refusal)")
      } else {
        answers[part] = .times(
          CloudTimes(
            stepSeconds: report.secondsPerStep, gradientSeconds: report.secondsToGradient,
            peakMemoryBytes: report.peakMemoryBytes))
        logger.info("cloud, \(part): \(PlanFormat.milliseconds(report.secondsPerStep)) a step")
      }
    }
    return (link, answers)
  }

  private func timeEdge(_ part: PlanSetting) throws -> EdgeTimes {
    let probe = EdgeStepProbe(
      request.configuration(part, request.formats[0]), formats: request.formats, train: train, test: test,
      compute: compute)
    let times = try probe.run(steps: request.steps) { if interruption.isRequested { throw InterruptedError() } }
    let memory = times.peakMemoryBytes.map { ", \(Formatting.bytes($0))" } ?? ""
    logger.info(
      "edge, \(part): \(PlanFormat.milliseconds(times.forwardSeconds + times.backwardSeconds)) a step\(memory)")
    return times
  }
}

/// Measurements as the log and the table have them.
enum PlanFormat {
  /// "1.10 Mbit/s".
  static func rate(_ bytesPerSecond: Double) -> String {
    "\(Formatting.fixed(bytesPerSecond * 8e-6, decimals: 2)) Mbit/s"
  }

  /// "12.3 ms".
  static func milliseconds(_ seconds: Double) -> String { "\(Formatting.fixed(seconds * 1000, decimals: 1)) ms" }
}
