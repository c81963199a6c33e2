import Terminal

extension RunRecorder {
  /// How far the run is, for people; the losses are the caller's to add.
  package func progress(_ state: TrainingState, sentBytes: Int) -> Progress {
    var progress = Progress(
      epoch: max(1, state.epoch), epochs: configuration.epochs, images: state.sums.images,
      imagesPerEpoch: configuration.trainImages, sentBytes: sentBytes)
    (progress.steps, progress.stepsPerEpoch) = (state.sums.steps, configuration.stepsPerEpoch)
    (progress.exitAccuracy, progress.finalAccuracy) = (summary.exitAccuracy, summary.finalAccuracy)
    return progress
  }
}
