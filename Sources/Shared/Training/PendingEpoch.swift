import RunFiles

/// An epoch that this side has ended, while the other side's part of its figures is still to come.
struct PendingEpoch: Codable, Equatable, Sendable {
  let epoch: Int
  let steps: Int
  let trainLoss: Double
  let exitAccuracy: Double?
  /// Of each class, nil for one without images; nil where they are not told, or not known.
  let exitClassAccuracies: [Double?]?
  /// When its training began, in seconds of the run.
  let beganSeconds: Double
  /// In which this side was training, without waiting for the other one.
  let trainingSeconds: Double
  let busySeconds: Double
  /// Of the run, at its end.
  let samples: RunTraffic.Samples
  /// When the cloud had done its training, in seconds of the run, once it is known.
  var acknowledgedSeconds: Double?

  /// When its training had ended, on both sides, in seconds of the run.
  var trainedSeconds: Double { max(acknowledgedSeconds ?? 0, beganSeconds + trainingSeconds) }

  /// How long its training lasted: from its beginning until the cloud had done it, if there is one that was waited for.
  /// What it shares with the training of the epoch before counts there. The cloud's evaluation of that one does not
  /// count, unless this side trained meanwhile.
  ///
  /// - Parameters:
  ///   - reported: when the figures of the epoch before were known.
  ///   - trained: when its training had ended.
  func trainingSeconds(afterOneReportedAt reported: Double, trainedUntil trained: Double) -> Double {
    guard acknowledgedSeconds != nil else { return trainingSeconds }
    let here = beganSeconds + trainingSeconds - max(beganSeconds, trained)
    return max(trainedSeconds - max(beganSeconds, reported), here, 0)
  }
}
