import Datasets
import NeuralNetwork
import Transport

extension RunConfiguration: Codable {
  /// One flat object, but for the task; keys as the command line's options.
  private enum CodingKeys: String, CodingKey {
    case strategy, architecture, cut, bottleneck, bits, scale, compression, epochs, momentum, schedule, seed, data,
      window
    /// Absent if it is that of CIFAR-10, or, with synthetic data, the usual one.
    case task
    case exitHead = "exit_head"
    case batchSize = "batch_size"
    /// Absent at 16 and 32 bits.
    case fullScale = "full_scale"
    case learningRate = "learning_rate"
    case weightDecay = "weight_decay"
    /// Absent if it is 0.
    case labelSmoothing = "label_smoothing"
    /// Absent if they are not.
    case balancesClasses = "balance"
    /// Bits per second; absent without shaping.
    case linkRate = "link_rate"
    /// Seconds; absent without shaping.
    case linkDelay = "link_delay"
    /// Absent if it is not frozen.
    case freezesFront = "freeze_front"
    /// Absent if it is the last.
    case keptWeights = "keep_weights"
    case trainImages = "train_images"
    case testImages = "test_images"
  }

  /// Settings that mean nothing for the strategy may be missing, and are not looked at.
  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    strategy = try values.decode(Strategy.self, forKey: .strategy)
    data = try values.decode(String.self, forKey: .data)
    task = try values.decodeIfPresent(ImageTask.self, forKey: .task) ?? .standard(data: data)
    network = SplitNetwork.Configuration(
      architecture: try values.decode(Architecture.self, forKey: .architecture), cut: 1, exitHead: .pool,
      input: task.shape, classes: task.classes)
    activations = .exact
    if strategy.isCut {
      network.cut = try values.decode(Int.self, forKey: .cut)
      network.bottleneck = try values.decodeIfPresent(Int.self, forKey: .bottleneck)
      activations = try ActivationFormat(
        bits: values.decode(Int.self, forKey: .bits), scale: values.decode(ScaleGranularity.self, forKey: .scale),
        compression: values.decode(ActivationCompression.self, forKey: .compression),
        // Runs from before there was a choice had this.
        fullScale: values.decodeIfPresent(Double.self, forKey: .fullScale) ?? 1)
    }
    if strategy.hasExit { network.exitHead = try values.decode(ExitHead.self, forKey: .exitHead) }
    window = strategy.hasWindow ? try values.decode(Int.self, forKey: .window) : 1
    if strategy.needsCloud {
      link = LinkShaping(
        rate: try values.decodeIfPresent(Double.self, forKey: .linkRate),
        delay: try values.decodeIfPresent(Double.self, forKey: .linkDelay) ?? 0)
    }
    freezesFront = try values.decodeIfPresent(Bool.self, forKey: .freezesFront) ?? false
    keptWeights = try values.decodeIfPresent(KeptWeights.self, forKey: .keptWeights) ?? .last
    balancesClasses = try values.decodeIfPresent(Bool.self, forKey: .balancesClasses) ?? false
    epochs = try values.decode(Int.self, forKey: .epochs)
    batchSize = try values.decode(Int.self, forKey: .batchSize)
    learningRate = try values.decode(Float.self, forKey: .learningRate)
    momentum = try values.decode(Float.self, forKey: .momentum)
    weightDecay = try values.decode(Float.self, forKey: .weightDecay)
    labelSmoothing = try values.decodeIfPresent(Double.self, forKey: .labelSmoothing) ?? 0
    schedule = try values.decode(LearningRateSchedule.self, forKey: .schedule)
    seed = try values.decode(UInt64.self, forKey: .seed)
    trainImages = try values.decode(Int.self, forKey: .trainImages)
    testImages = try values.decode(Int.self, forKey: .testImages)
  }

  /// Settings that mean nothing for the strategy are left out.
  package func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(strategy, forKey: .strategy)
    if task != .standard(data: data) { try values.encode(task, forKey: .task) }
    try values.encode(network.architecture, forKey: .architecture)
    if strategy.isCut {
      try values.encode(network.cut, forKey: .cut)
      try values.encodeIfPresent(network.bottleneck, forKey: .bottleneck)
      try values.encode(activations.bits, forKey: .bits)
      try values.encode(activations.scale, forKey: .scale)
      try values.encode(activations.compression, forKey: .compression)
      if activations.isQuantized { try values.encode(activations.fullScale, forKey: .fullScale) }
    }
    if strategy.hasExit { try values.encode(network.exitHead, forKey: .exitHead) }
    if strategy.hasWindow { try values.encode(window, forKey: .window) }
    if strategy.needsCloud {
      try values.encodeIfPresent(link.rate, forKey: .linkRate)
      if link.delay != 0 { try values.encode(link.delay, forKey: .linkDelay) }
    }
    if freezesFront { try values.encode(true, forKey: .freezesFront) }
    if keptWeights != .last { try values.encode(keptWeights, forKey: .keptWeights) }
    if balancesClasses { try values.encode(true, forKey: .balancesClasses) }
    try values.encode(epochs, forKey: .epochs)
    try values.encode(batchSize, forKey: .batchSize)
    try values.encode(learningRate, forKey: .learningRate)
    try values.encode(momentum, forKey: .momentum)
    try values.encode(weightDecay, forKey: .weightDecay)
    if labelSmoothing != 0 { try values.encode(labelSmoothing, forKey: .labelSmoothing) }
    try values.encode(schedule, forKey: .schedule)
    try values.encode(seed, forKey: .seed)
    try values.encode(data, forKey: .data)
    try values.encode(trainImages, forKey: .trainImages)
    try values.encode(testImages, forKey: .testImages)
  }
}
