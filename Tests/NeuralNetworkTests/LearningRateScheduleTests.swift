import TestSupport
import Testing

@testable import NeuralNetwork

@Suite struct LearningRateScheduleTests {
  struct Golden: Sendable {
    var schedule: LearningRateSchedule
    var totalSteps: Int
    var values: [(step: Int, learningRate: Double, momentum: Double)]
  }

  /// From torch 2.15.0 by generate-schedule-goldens.py: learning rate 0.1, momentum 0.9.
  static let goldens: [Golden] = [
    Golden(
      schedule: .oneCycle, totalSteps: 20,
      values: [
        (0, 0.004, 0.95), (1, 0.0180588745, 0.935355339), (2, 0.052, 0.9), (3, 0.0859411255, 0.864644661),
        (4, 0.1, 0.85), (5, 0.0989073844, 0.85109262), (6, 0.0956772902, 0.854322727),
        (7, 0.0904508879, 0.85954915), (8, 0.0834565965, 0.86654347), (9, 0.0750001, 0.875),
        (10, 0.0654509879, 0.88454915), (11, 0.0552266023, 0.894773577), (12, 0.0447737977, 0.905226423),
        (13, 0.0345494121, 0.91545085), (14, 0.0250003, 0.925), (15, 0.0165438035, 0.93345653),
        (16, 0.00954951208, 0.94045085), (17, 0.00432310983, 0.945677273), (18, 0.00109301559, 0.94890738),
        (19, 4e-07, 0.95),
      ]),
    Golden(
      schedule: .oneCycle, totalSteps: 100,
      values: [
        (0, 0.004, 0.95), (1, 0.00441064665, 0.949572243), (2, 0.00563556034, 0.948296291),
        (12, 0.052, 0.9), (23, 0.0995893533, 0.850427757), (24, 0.1, 0.85),
        (25, 0.0999561417, 0.850043858), (26, 0.0998246437, 0.850175357), (50, 0.0731649091, 0.876835198),
        (62, 0.0489530832, 0.901047121), (75, 0.0232089674, 0.92679134), (98, 4.42583196e-05, 0.949956142),
        (99, 4e-07, 0.95),
      ]),
    Golden(
      schedule: .oneCycle, totalSteps: 7,
      values: [
        (0, 0.004, 0.95), (1, 0.0994415435, 0.850558459), (2, 0.086652647, 0.863347406),
        (3, 0.0611262022, 0.888873953), (4, 0.0317332218, 0.918267051), (5, 0.00868842653, 0.941311939),
        (6, 4e-07, 0.95),
      ]),
    Golden(
      schedule: .cosine, totalSteps: 10,
      values: [
        (0, 0.1, 0.9), (1, 0.0975528258, 0.9), (2, 0.0904508497, 0.9), (3, 0.0793892626, 0.9),
        (4, 0.0654508497, 0.9), (5, 0.05, 0.9), (6, 0.0345491503, 0.9), (7, 0.0206107374, 0.9),
        (8, 0.00954915028, 0.9), (9, 0.00244717419, 0.9),
      ]),
  ]

  @Test(arguments: goldens) func equalsPyTorch(_ golden: Golden) {
    let values = golden.values.map {
      golden.schedule.values(step: $0.step, of: golden.totalSteps, learningRate: 0.1, momentum: 0.9)
    }
    expectClose(
      values.map(\.learningRate), golden.values.map(\.learningRate), tolerance: 1e-6, floor: 0,
      "learning rate")
    expectClose(values.map(\.momentum), golden.values.map(\.momentum), tolerance: 1e-6, floor: 0, "momentum")
  }

  @Test func constantStays() {
    for step in [0, 1, 50, 99] {
      let values = LearningRateSchedule.constant.values(step: step, of: 100, learningRate: 0.3, momentum: 0.7)
      #expect(values == LearningRateSchedule.Values(learningRate: 0.3, momentum: 0.7))
    }
  }

  @Test func oneCycleWithoutMomentumStaysWithout() {
    for step in 0..<20 {
      #expect(
        LearningRateSchedule.oneCycle.values(step: step, of: 20, learningRate: 0.1, momentum: 0).momentum == 0
      )
    }
  }

  /// Runs of very few steps, where the quarter of warm-up is less than a step.
  @Test(arguments: LearningRateSchedule.allCases, 1...8) func shortRunsAreFinite(
    schedule: LearningRateSchedule, total: Int
  ) {
    for step in 0..<total {
      let values = schedule.values(step: step, of: total, learningRate: 0.1, momentum: 0.9)
      #expect(values.learningRate > 0 && values.learningRate <= 0.1000001)
      #expect(values.momentum >= 0.8499999 && values.momentum <= 0.9500001)
    }
  }

  @Test func namesAreThoseOfTheCommandLine() {
    #expect(LearningRateSchedule.allCases.map(\.rawValue) == ["constant", "cosine", "one-cycle"])
  }
}
