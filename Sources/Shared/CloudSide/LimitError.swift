import Training

/// A run is beyond what the cloud accepts.
struct LimitError: Error, Equatable, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

extension CloudServer.Options {
  /// Checks that there is the memory for a run, beside weights that are sent, of so many bytes.
  ///
  /// - Throws: `LimitError`; `ShapeError` if the configuration makes no network.
  func checkMemory(for configuration: RunConfiguration, besideWeights bytes: Int = 0) throws {
    guard let limit = maximumMemory else { return }
    do { try configuration.checkMemory(of: .cloud, compute, limit: limit - bytes) } catch let error as MemoryLimitError
    {
      throw LimitError("\(error)" + (bytes > 0 ? ", the weights that it is sent apart" : ""))
    }
  }
}
