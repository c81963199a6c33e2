import Platform

extension ConversationStateMachine {
  func illegal(_ message: Message, from sender: Role) -> WireError {
    .order(expected: expectation(of: sender), actual: "\(Self.summary(message)) from the \(sender)")
  }

  /// What `sender` may send now, in words.
  private func expectation(of sender: Role) -> String {
    let hasEnded = sender == .edge ? edgeHasEnded : cloudHasEnded
    if hasEnded { return "nothing more from the \(sender)" }
    var legal: [String] = []
    switch (sender, phase) {
    case (.edge, .opening): legal = ["hello"]
    case (.cloud, .opening): legal = ["refusal"]
    case (_, .greeted): legal = greetingExpectation(of: sender)
    case (.edge, .uploading), (.edge, .training), (.edge, .evaluating): legal = edgeExpectation
    case (.cloud, .uploading), (.cloud, .training), (.cloud, .evaluating): legal = cloudExpectation
    case (_, .measuring): legal = measuringExpectation(of: sender)
    case (_, .refused): break
    }
    legal.append("failure")
    return legal.joined(separator: ", ")
  }

  var welcomeExpectation: String {
    if let positions = offer?.positions {
      return "welcome to go on after one of \(positions.map(String.init).joined(separator: ", ")), or one later"
    }
    guard let offer, offer.first > 1 else { return "welcome" }
    return "welcome to go on after \(offer.first - 1) or later"
  }

  private var edgeExpectation: [String] {
    var legal: [String] = []
    if canSendBatch {
      let (train, evaluation) =
        exchange == .upload ? ("train-step", "evaluation-step") : ("train-batch", "evaluation-batch")
      switch phase {
      case .uploading:
        legal += ["train-images \(nextSequence)", "test-images \(nextSequence)", "\(train) \(nextSequence)"]
      case .training: legal += ["\(train) \(nextSequence)", "\(evaluation) \(nextSequence)"]
      default: legal.append("\(evaluation) \(nextSequence)")
      }
    } else if unacknowledged > 0 {
      legal.append("no batch while \(unacknowledged) of \(window) are unacknowledged")
    } else if let owedGradient {
      legal.append("no batch before gradient \(owedGradient)")
    }
    if phase != .uploading { legal.append("epoch-end \(nextSequence) of epoch \(epoch) after \(steps) steps") }
    if canRequestCheckpoint { legal.append("checkpoint at \(lastSequence)") }
    legal.append(isBetweenEpochs ? "goodbye" : "goodbye (interrupted)")
    return legal
  }

  private var cloudExpectation: [String] {
    var legal: [String] = []
    let lastToAcknowledge = owedReports.first.map { $0.sequence - 1 } ?? lastSequence
    if owesReplay {
      legal.append("replay from \(lastReplayed + 1) to \(lastAcknowledged) at most")
    } else if let owedGradient {
      legal.append("gradient \(owedGradient)")
    } else if lastToAcknowledge > lastAcknowledged {
      legal.append("acknowledgement of \(lastAcknowledged + 1) to \(lastToAcknowledge)")
    } else if let owed = owedReports.first {
      legal.append("epoch-report of epoch \(owed.epoch)")
    }
    if let owedCheckpoint {
      legal.append("durable of \(owedCheckpoint)")
    } else if exchange != .gradients {
      legal.append("durable of \(lastDurable) to \(lastAcknowledged)")
    }
    return legal + ["goodbye (interrupted)"]
  }

  private static func summary(_ message: Message) -> String {
    switch message {
    case .welcome(let welcome): welcome.resume.map { "welcome to go on after \($0.applied)" } ?? "welcome"
    case .trainBatch(let batch), .evaluationBatch(let batch), .trainImages(let batch), .testImages(let batch):
      "\(message.type) \(batch.sequence)"
    case .filler(let filler): "filler \(filler.sequence) of \(filler.bytes.count) bytes"
    case .weights(let part): "weights \(part.sequence) of \(part.bytes.count) bytes"
    case .gradient(let gradient): "gradient \(gradient.sequence)"
    case .trainStep(let step), .evaluationStep(let step): "\(message.type) \(step.sequence)"
    case .replay(let replay): "replay from \(replay.first) to \(replay.last)"
    case .checkpoint(let request): "checkpoint at \(request.sequence)"
    case .durable(let durable): "durable of \(durable.sequence)"
    case .acknowledgement(let acknowledgement): "acknowledgement of \(acknowledgement.sequence)"
    case .epochEnd(let end): "epoch-end \(end.sequence) of epoch \(end.epoch) after \(end.steps) steps"
    case .epochReport(let report): "epoch-report of epoch \(report.epoch)"
    case .goodbye(let goodbye): "goodbye (\(goodbye.reason.rawValue))"
    default: "\(message.type)"
    }
  }
}
