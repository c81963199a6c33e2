import ArgumentParser
import NeuralNetwork
import Training

extension LearningRateSchedule: ExpressibleByArgument {}
extension KeptWeights: ExpressibleByArgument {}

/// How the weights are trained, on both sides.
struct TrainingOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Passes over the training images.", valueName: "n"))
  var epochs = Defaults.epochs

  @Option(help: ArgumentHelp("Images of a training step.", valueName: "n"))
  var batchSize = Defaults.batchSize

  @Option(
    name: [.long, .customLong("lr")],
    help: ArgumentHelp("Learning rate; the peak of one-cycle and cosine.", valueName: "x"))
  var learningRate = Defaults.learningRate

  @Option(help: ArgumentHelp("Nesterov momentum; one-cycle varies it by ±0.05.", valueName: "x"))
  var momentum = Defaults.momentum

  @Option(help: ArgumentHelp("Weight decay.", valueName: "x"))
  var weightDecay = Defaults.weightDecay

  @Option(
    help: ArgumentHelp(
      "Share of each label that is spread evenly over all classes, 0 to less than 1, in the losses of training.",
      valueName: "x"))
  var labelSmoothing = Defaults.labelSmoothing

  @Option(
    help: ArgumentHelp(
      """
      Learning rate over the run: constant, cosine (from the peak to 0) or one-cycle (up to the peak, then down to \
      almost 0).
      """, valueName: "name"))
  var schedule = Defaults.schedule

  @Flag(
    help: "Draw every class equally often: an epoch has as many images as before, so those of rare classes repeat.")
  var balance = false

  @Option(
    help: ArgumentHelp("Seed of weights, shuffling, augmentation and synthetic images.", valueName: "n"))
  var seed = Defaults.seed

  @Option(
    help: ArgumentHelp(
      "Weights that both sides keep beside the last: none, those of the best epoch, or of every one.",
      valueName: "which"))
  var keepWeights = Defaults.keptWeights

  func apply(to configuration: inout RunConfiguration) {
    configuration.epochs = epochs
    configuration.batchSize = batchSize
    configuration.learningRate = learningRate
    configuration.momentum = momentum
    configuration.weightDecay = weightDecay
    configuration.labelSmoothing = labelSmoothing
    configuration.schedule = schedule
    configuration.balancesClasses = balance
    configuration.seed = seed
    configuration.keptWeights = keepWeights
  }
}
