import Compute
import NeuralNetwork
import Platform
import Terminal

extension RunConfiguration {
  /// The most memory that a side of the run will have resident, in bytes: at least what it has, and some tenths more at
  /// most. Nothing of that is allocated to know it.
  ///
  /// - Throws: `ShapeError` if the configuration makes no network.
  package func memoryNeed(of role: Role, _ compute: ComputeSettings) throws -> Int {
    try need(of: role, compute).bytes
  }

  /// The parameters that a side of the run trains. None of them is allocated to know it.
  ///
  /// - Throws: `ShapeError` if the configuration makes no network.
  package func parameters(of role: Role) throws -> Int {
    try need(of: role, ComputeSettings(threads: 1, convolution: .im2col)).parameters
  }

  /// The layers that a side of the run trains, in the order of the network, as they are built without memory.
  ///
  /// - Throws: `ShapeError` if the configuration makes no network.
  func layers(of role: Role) throws -> [Sequential] {
    let network = try SplitNetwork(network)
    return switch (strategy, role) {
    case (.hierarchical, .edge): [network.front, network.exit]
    case (.split, .edge): [network.front]
    case (.hierarchical, .cloud), (.split, .cloud): [network.rest]
    case (.cloudStream, .cloud), (.cloudUploadOnce, .cloud), (.edgeOnly, .edge):
      [Sequential(network.front.layers + network.rest.layers)]
    case (.cloudStream, .edge), (.cloudUploadOnce, .edge), (.edgeOnly, .cloud): []
    }
  }

  private func need(of role: Role, _ compute: ComputeSettings) throws -> (bytes: Int, parameters: Int) {
    let network = try SplitNetwork(network)
    func need(_ layers: [any Layer], _ input: FeatureShape) throws -> MemoryNeed {
      try Sequential(layers).memoryNeed(for: input, images: batchSize, compute)
    }
    let (image, cut) = (task.shape, network.cutShape)
    let whole = network.front.layers + network.rest.layers
    var layers = MemoryNeed()
    /// Batches that are prepared or decoded, and samples of what shape.
    var (batches, sample) = (3, image)
    switch (strategy, role) {
    case (.hierarchical, .edge):
      let front = try need(network.front.layers, image)
      layers = try (freezesFront ? front.frozen : front) + need(network.exit.layers, cut)
      batches = Self.loadedBatches
    case (.split, .edge):
      layers = try need(network.front.layers, image)
      batches = Self.loadedBatches
    case (.hierarchical, .cloud), (.split, .cloud):
      layers = try need(network.rest.layers, cut)
      sample = cut
    case (.cloudStream, .cloud): layers = try need(whole, image)
    case (.cloudUploadOnce, .cloud):
      layers = try need(whole, image)
      batches += Self.loadedBatches
    case (.edgeOnly, _):
      layers = try need(whole, image)
      batches = Self.loadedBatches
    case (.cloudStream, .edge), (.cloudUploadOnce, .edge): batches = 0
    }
    let copies = 4 * (2 * layers.parameters + layers.statistics)
    let frames = strategy.needsCloud ? Self.frames * (try largestFrameBytes()) : 0
    let images = strategy == .cloudUploadOnce && role == .cloud ? uploadedBytes : 0
    let bytes =
      Self.programBytes + compute.threads * Self.threadBytes + layers.bytes(threads: compute.threads) + copies
      + 4 * batches * batchSize * sample.values + frames + images
    return (bytes, layers.parameters)
  }

  /// Batches of training and of test images in the loaders' rings.
  private static let loadedBatches = 5
  /// Frames of a batch that are written, kept, and sent, or received and taken apart.
  private static let frames = 4
  /// The programs themselves with their libraries, and what OpenBLAS has for each thread.
  private static let programBytes = 36_000_000
  private static let threadBytes = 6_000_000

  /// Checks that a side of the run has the memory for it, before any of it is allocated.
  ///
  /// - Parameter limit: in bytes.
  /// - Throws: `MemoryLimitError`; `ShapeError` if the configuration makes no network.
  package func checkMemory(of role: Role, _ compute: ComputeSettings, limit: Int) throws {
    let need = try memoryNeed(of: role, compute)
    guard need <= limit else { throw MemoryLimitError(need: need, limit: limit, role: role, isCut: strategy.isCut) }
  }
}

/// A run would take more memory than a side has for it.
package struct MemoryLimitError: ClassifiedError, Equatable, CustomStringConvertible {
  let need: Int
  let limit: Int
  let role: Role
  let isCut: Bool

  package var kind: ErrorKind { .usage }

  package var description: String {
    // The other part of the network is on the other side.
    let cut = isCut ? role == .edge ? ", an earlier --cut" : ", a later --cut" : ""
    return "the run takes up to \(Formatting.bytes(need)) of memory in \(role.rawValue)-trainer, which may take "
      + "\(Formatting.bytes(limit)); take a smaller --batch-size\(cut), or give \(role.rawValue)-trainer a larger "
      + "--max-memory, if the machine has more"
  }
}
