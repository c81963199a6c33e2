import ArgumentParser
import NeuralNetwork
import Training

extension LearningRateSchedule: ExpressibleByArgument {}

/// How the weights are trained, on both sides.
struct TrainingOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Passes over the training images.", valueName: "n"))
  var epochs = 10

  @Option(help: ArgumentHelp("Images of a training step.", valueName: "n"))
  var batchSize = 128

  @Option(help: ArgumentHelp("Learning rate; the peak of one-cycle and cosine.", valueName: "x"))
  var learningRate: Float = 0.1

  @Option(help: ArgumentHelp("Nesterov momentum; one-cycle varies it by ±0.05.", valueName: "x"))
  var momentum: Float = 0.9

  @Option(help: ArgumentHelp("Weight decay.", valueName: "x"))
  var weightDecay: Float = 5e-4

  @Option(help: ArgumentHelp("Learning rate over the run.", valueName: "name"))
  var schedule = LearningRateSchedule.oneCycle

  @Option(
    help: ArgumentHelp("Seed of weights, shuffling, augmentation and synthetic images.", valueName: "n"))
  var seed: UInt64 = 0

  func apply(to configuration: inout RunConfiguration) {
    configuration.epochs = epochs
    configuration.batchSize = batchSize
    configuration.learningRate = learningRate
    configuration.momentum = momentum
    configuration.weightDecay = weightDecay
    configuration.schedule = schedule
    configuration.seed = seed
  }
}
