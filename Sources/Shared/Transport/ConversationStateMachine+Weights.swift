import Platform

/// Between hello and welcome: a cloud that begins a run may have the edge send the file of weights that it offers,
/// once.
extension ConversationStateMachine {
  /// What is missing of a file that the cloud has asked for.
  struct OwedWeights: Equatable {
    var bytes: Int
    /// The number of the next piece.
    var sequence: UInt64 = 1
  }

  mutating func takeRequest(_ request: WeightsRequest) throws(WireError) {
    guard let offer = offeredWeights, request.digest == offer.digest else {
      throw illegal(.weightsRequest(request), from: .cloud)
    }
    offeredWeights = nil
    owedWeights = OwedWeights(bytes: offer.bytes)
  }

  mutating func takePart(_ part: WeightsPart) throws(WireError) {
    guard let owed = owedWeights, part.sequence == owed.sequence, part.bytes.count <= owed.bytes else {
      throw illegal(.weights(part), from: .edge)
    }
    let missing = owed.bytes - part.bytes.count
    owedWeights = missing == 0 ? nil : OwedWeights(bytes: missing, sequence: owed.sequence + 1)
  }

  /// What `sender` may say between hello and welcome, in words.
  func greetingExpectation(of sender: Role) -> [String] {
    switch (sender, owedWeights) {
    case (.edge, nil): ["goodbye (interrupted)"]
    case (.edge, .some(let owed)): ["weights \(owed.sequence) of at most \(owed.bytes) bytes", "goodbye (interrupted)"]
    case (.cloud, nil): [welcomeExpectation] + (offeredWeights == nil ? [] : ["weights-request"]) + ["refusal"]
    case (.cloud, .some): ["refusal"]
    }
  }
}
