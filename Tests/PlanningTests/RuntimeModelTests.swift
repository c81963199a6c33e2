import Testing

@testable import Planning
@testable import Training

/// The model against times that were worked out by hand.
@Suite struct RuntimeModelTests {
  /// 10 batches; 1000 bytes a second up, 2000 down; a round trip of 0.2 s.
  private static func model(batches: Double = 10, window: Int = 4) -> RuntimeModel {
    RuntimeModel(
      batches: batches,
      link: LinkSpeed(roundTripSeconds: 0.2, upBytesPerSecond: 1000, downBytesPerSecond: 2000), window: window
    )
  }

  private static func edge(_ forward: Double, _ backward: Double) -> EdgeTimes {
    EdgeTimes(forwardSeconds: forward, backwardSeconds: backward, encodings: [])
  }

  private static func encoding(_ seconds: Double, _ bytes: Int) -> EdgeTimes.Encoding {
    EdgeTimes.Encoding(bits: 4, seconds: seconds, frameBytes: bytes)
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    var forward = 1.0
    var encode = 0.5
    var backward = 1.5
    var bytes = 1000
    var cloud = 1.0
    var batches = 10.0
    var window = 4
    let epoch: Double
    let bound: RuntimeModel.Bound
    var testDescription: String { name }
  }

  static let cases = [
    // 3 s a step; the last batch leaves at 9 · 3 + 1.5 and needs 1 + 1 + 0.2 more: 30.7.
    Case(name: "edge", epoch: 30.7, bound: .edge),
    // The edge's way back is longer than the way of the last batch.
    Case(
      name: "edge, with a fast link and cloud", backward: 1.5, bytes: 100, cloud: 0.1, epoch: 30, bound: .edge
    ),
    // The first batch is ready at 1.5; 10 · 5 s of link; 1 s of cloud; 0.2.
    Case(name: "link", bytes: 5000, epoch: 52.7, bound: .link),
    // 1.5, 1 of link, 10 · 4 of cloud, 0.2.
    Case(name: "cloud", cloud: 4, epoch: 42.7, bound: .cloud),
    // In lock step but for the way back: a batch is on its way for 0.5 + 3 + 2 + 0.2.
    Case(name: "window", bytes: 3000, cloud: 2, window: 1, epoch: 6.7 + 9 * 5.7, bound: .window),
    Case(name: "one batch", batches: 1, epoch: 3.7, bound: .edge),
    Case(name: "half a batch more", batches: 10.5, epoch: 32.2, bound: .edge),
  ]

  @Test(arguments: cases) func pipelined(_ testCase: Case) {
    let prediction = Self.model(batches: testCase.batches, window: testCase.window).pipelined(
      Self.edge(testCase.forward, testCase.backward), Self.encoding(testCase.encode, testCase.bytes),
      CloudTimes(stepSeconds: testCase.cloud))
    #expect(abs(prediction.epoch - testCase.epoch) < 1e-9, "\(prediction)")
    #expect(prediction.bound == testCase.bound)
    let edge = testCase.batches * (testCase.forward + testCase.encode + testCase.backward)
    #expect(abs(prediction.edge - edge) < 1e-9)
    #expect(abs(prediction.link - testCase.batches * Double(testCase.bytes) / 1000) < 1e-9)
    #expect(abs(prediction.cloud - testCase.batches * testCase.cloud) < 1e-9)
  }

  /// 1 + 0.5 here, 1 up, 2 there, 3 down, 0.2 of round trip, and the slower of both ends.
  @Test(arguments: [(cloudStep: 2.5, step: 9.2), (4.5, 10.2)]) func lockStep(cloudStep: Double, step: Double) {
    let prediction = Self.model().lockStep(
      Self.edge(1, 1.5), Self.encoding(0.5, 1000),
      CloudTimes(stepSeconds: cloudStep, gradientSeconds: 2), gradientBytes: 6000)
    #expect(abs(prediction.epoch - 10 * step) < 1e-9, "\(prediction)")
    #expect(abs(prediction.edge - 30) < 1e-9)
    #expect(abs(prediction.link - 40) < 1e-9)
    #expect(prediction.bound == .lockStep)
  }

  @Test func uploaded() {
    let prediction = Self.model().uploaded(uploadBytes: 5000, CloudTimes(stepSeconds: 2))
    #expect(abs(prediction.epoch - 20.2) < 1e-9)
    #expect(abs(prediction.upload - 5.2) < 1e-9)
    #expect(abs(prediction.mean(overEpochs: 10) - 20.72) < 1e-9)
    #expect(prediction.bound == .cloud)
  }

  @Test func alone() {
    let prediction = Self.model().alone(Self.edge(2, 0.5))
    #expect(prediction.epoch == 25)
    #expect(prediction.mean(overEpochs: 3) == 25)
  }

  @Test func stepsAreTimedAfterOneThatIsNot() {
    #expect(StepTiming.run(steps: 3) { $0 } == [1, 2, 3])
    #expect(StepTiming.run(steps: 0) { $0 } == [])
    #expect(StepTiming.run(steps: 16, within: 0) { $0 } == [1])
    #expect(StepTiming.median([3, 1, 2]) == 2)
    #expect(StepTiming.median([4, 1, 2, 3]) == 2.5)
    #expect(StepTiming.median([]) == 0)
  }

  // MARK: The choice

  private static func row(_ setting: PlanSetting, _ epoch: Double, upload: Double = 0) -> PlanRow {
    PlanRow(
      setting: setting, bytesPerImage: 0,
      prediction: RuntimeModel.Prediction(
        edge: 0, link: 0, cloud: 0, epoch: epoch, upload: upload, bound: .edge))
  }

  private static func recommended(_ rows: [PlanRow], epochs: Int = 10) -> PlanSetting {
    Planning.Plan(link: nil, epochs: epochs, rows: rows, exclusions: []).recommended.setting
  }

  @Test func moreBitsAreRecommendedIfTheyCostHardlyMore() {
    func setting(_ cut: Int, _ bits: Int) -> PlanSetting { PlanSetting(.hierarchical, cut: cut, bits: bits) }
    let rows = [
      Self.row(setting(1, 8), 10.5), Self.row(setting(1, 2), 10), Self.row(setting(1, 4), 10.2),
      Self.row(setting(2, 32), 10.1), Self.row(PlanSetting(.edgeOnly), 10.05),
    ]
    #expect(Self.recommended(rows) == setting(1, 4))
  }

  @Test func uploadCountsWithItsShareOfTheEpochs() {
    let rows = [
      Self.row(PlanSetting(.cloudUploadOnce), 5, upload: 40), Self.row(PlanSetting(.cloudStream), 10),
    ]
    #expect(Self.recommended(rows, epochs: 10).strategy == .cloudUploadOnce)
    #expect(Self.recommended(rows, epochs: 5).strategy == .cloudStream)
  }

  @Test func blocksOnTheEdge() {
    #expect(PlanSetting(.hierarchical, cut: 2, bits: 4).blocksOnEdge(of: 5) == 2)
    #expect(PlanSetting(.split, cut: 3, bits: 4).blocksOnEdge(of: 5) == 3)
    #expect(PlanSetting(.cloudStream).blocksOnEdge(of: 5) == 0)
    #expect(PlanSetting(.cloudUploadOnce).blocksOnEdge(of: 5) == 0)
    #expect(PlanSetting(.edgeOnly).blocksOnEdge(of: 5) == 5)
  }
}
