import Compute
import Datasets
import NeuralNetwork

extension ImageTask {
  /// Nothing about it is as in CIFAR-10.
  package static let small = ImageTask(
    shape: FeatureShape(height: 16, width: 24, channels: 1), classes: 3, mean: [0.375], deviation: [0.2])
}

extension SplitNetwork.Configuration {
  package init(
    architecture: Architecture, cut: Int, exitHead: ExitHead, bottleneck: Int? = nil,
    for task: ImageTask = .cifar10
  ) {
    self.init(
      architecture: architecture, cut: cut, exitHead: exitHead, bottleneck: bottleneck, input: task.shape,
      classes: task.classes)
  }
}
