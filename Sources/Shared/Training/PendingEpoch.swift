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
}
