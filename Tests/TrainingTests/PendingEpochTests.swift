import RunFiles
import Testing

@testable import Training

/// How long the training of an epoch lasted, by hand.
@Suite struct PendingEpochTests {
  /// This side trains from second 10 to 14.
  @Test(
    arguments: [
      // The cloud keeps pace.
      (14.1, 9.0, 8.0, 4.1),
      // The epoch before was known only when this one's training had ended here: few steps, and a long test.
      (14.1, 14.0, 9.0, 4.0),
      // The cloud lags: it trained on the epoch before until 12, tested until 13, and was done with this one at 18.
      (18.0, 13.0, 12.0, 5.0),
      // It lagged, and then caught up.
      (14.5, 14.2, 12.0, 2.0),
      // All of it was delivered together, later.
      (30.0, 30.0, 29.0, 0.0),
      // Nobody was waited for.
      (nil, 9.0, 8.0, 4.0),
    ] as [(Double?, Double, Double, Double)])
  func seconds(acknowledged: Double?, reported: Double, trained: Double, expected: Double) {
    let epoch = PendingEpoch(
      epoch: 2, steps: 8, trainLoss: 1, exitAccuracy: nil, exitClassAccuracies: nil, beganSeconds: 10,
      trainingSeconds: 4, busySeconds: 4, samples: RunTraffic.Samples(), acknowledgedSeconds: acknowledged)
    let seconds = epoch.trainingSeconds(afterOneReportedAt: reported, trainedUntil: trained)
    #expect(abs(seconds - expected) < 1e-9)
    #expect(epoch.trainedSeconds == max(acknowledged ?? 0, 14))
  }
}
