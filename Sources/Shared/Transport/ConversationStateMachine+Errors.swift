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
    case (.edge, .greeted), (.edge, .reporting): legal = ["goodbye (interrupted)"]
    case (.edge, .uploading), (.edge, .training), (.edge, .evaluating):
      if canSendBatch {
        switch phase {
        case .uploading: legal += ["train-images \(nextSequence)", "test-images \(nextSequence)"]
        case .training: legal += ["train-batch \(nextSequence)", "evaluation-batch \(nextSequence)"]
        default: legal.append("evaluation-batch \(nextSequence)")
        }
      } else if unacknowledged > 0 {
        legal.append("no batch while \(unacknowledged) of \(window) are unacknowledged")
      }
      legal.append("epoch-end of epoch \(epoch) after \(steps) steps")
      legal.append(phase == .training && batchesInEpoch == 0 ? "goodbye" : "goodbye (interrupted)")
    case (.cloud, .opening): legal = ["refusal"]
    case (.cloud, .greeted): legal = ["welcome", "refusal"]
    case (.cloud, .uploading), (.cloud, .training), (.cloud, .evaluating), (.cloud, .reporting):
      if let owedGradient {
        legal.append("gradient \(owedGradient)")
      } else if unacknowledged > 0 {
        legal.append("acknowledgement of \(lastAcknowledged + 1) to \(lastSequence)")
      } else if phase == .reporting {
        if exchange == .upload { legal.append("the next batch-report of epoch \(epoch)") }
        legal.append("epoch-report of epoch \(epoch)")
      }
      legal.append("goodbye (interrupted)")
    case (_, .measuring): legal = measuringExpectation(of: sender)
    case (_, .refused): break
    }
    legal.append("failure")
    return legal.joined(separator: ", ")
  }

  private static func summary(_ message: Message) -> String {
    switch message {
    case .trainBatch(let batch), .evaluationBatch(let batch), .trainImages(let batch), .testImages(let batch):
      "\(message.type) \(batch.sequence)"
    case .filler(let filler): "filler \(filler.sequence) of \(filler.bytes.count) bytes"
    case .gradient(let gradient): "gradient \(gradient.sequence)"
    case .batchReport(let report):
      "batch-report of \(report.stage.rawValue) batch \(report.batch) of epoch \(report.epoch)"
    case .acknowledgement(let acknowledgement): "acknowledgement of \(acknowledgement.sequence)"
    case .epochEnd(let end): "epoch-end of epoch \(end.epoch) after \(end.steps) steps"
    case .epochReport(let report): "epoch-report of epoch \(report.epoch)"
    case .goodbye(let goodbye): "goodbye (\(goodbye.reason.rawValue))"
    default: "\(message.type)"
    }
  }
}
