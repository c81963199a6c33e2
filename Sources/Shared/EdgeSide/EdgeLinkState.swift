import DequeModule
import Platform
import Training
import Transport

extension EdgeLink {
  /// What the cloud has answered.
  struct Answers {
    /// In order.
    let list: [Answer]
    /// The last record that is answered by these, and those taken before.
    let through: UInt64
  }

  enum Answer {
    /// To all records up to its own that are not answered.
    case acknowledgement(Acknowledgement)
    case report(ReceivedReport, sequence: UInt64)

    var sequence: UInt64 {
      switch self {
      case .acknowledgement(let acknowledgement): acknowledgement.sequence
      case .report(_, let sequence): sequence
      }
    }
  }

  /// An epoch's report, with what both ends had counted where it was made.
  struct ReceivedReport {
    let report: EpochReport
    /// What had been received on its connection before it, and sent with its epoch-end; nil if it is told again.
    let counts: (receivedBefore: ByteCounts, sentWith: ByteCounts)?
  }

  struct State {
    /// A connection and the threads on it.
    struct Attachment {
      let connection: FramedConnection
      /// Seconds after which something is said even if there is nothing to say.
      let aliveInterval: Double
      var isClosing = false
      /// What has ended a thread, unless the connection was being closed here.
      var loss: (any Error)?
      var threads: [Thread] = []
    }

    /// A record, and when it was answered, in seconds of the monotonic clock.
    struct Watched {
      let sequence: UInt64
      var seconds: Double?
    }

    /// A report that waits for its epoch-end to be counted as sent.
    private struct Arrived {
      let sequence: UInt64
      let report: EpochReport
      /// Nil if it is told again.
      let receivedBefore: ByteCounts?
    }

    let window: Int
    let keepsAcknowledgements: Bool
    var isKept = false
    var isEnding = false
    var failure: (any Error)?
    var attachment: Attachment?
    /// Of the connections before.
    private var past = RunTraffic.Connections()
    private var resentBytes = 0

    /// The record to be sent next, on this connection.
    var next: UInt64 = 1
    /// The last record that has been sent, on any connection.
    private(set) var sent: UInt64
    /// The last record that is answered.
    private(set) var answered: UInt64
    /// The same as far as this connection knows; less if the cloud has gone back.
    private var answeredHere: UInt64 = 0
    /// The last record whose answer has been taken.
    private(set) var taken: UInt64
    private(set) var latestLoss: Double?
    var watched: [Watched] = []
    /// The one that came last.
    var gradient: Gradient?
    /// What is to be asked for, on this connection.
    var request: CheckpointRequest?
    private(set) var durable: UInt64 = 0
    /// From what the cloud's weights began; nil before the first welcome.
    private(set) var cloudWeights: String?
    /// Connections so far.
    private(set) var connections = 0
    private var acknowledgements: [Acknowledgement] = []
    private var arrived: Deque<Arrived> = []
    /// The epoch-ends that were sent on this connection, with what had been sent then.
    private var ends: Deque<(sequence: UInt64, sent: ByteCounts)> = []

    init(window: Int, keepsAcknowledgements: Bool, after position: RunProgress.Records) {
      self.window = window
      self.keepsAcknowledgements = keepsAcknowledgements
      (sent, answered, taken) = (position.sent, position.answered, position.answered)
      cloudWeights = position.cloudWeights
    }

    /// What everything that waits throws.
    var end: (any Error)? { failure ?? (isKept ? nil : attachment?.loss) }

    func unanswered(of records: any RecordStore) -> Int { max(0, Int(records.next) - 1 - Int(answered)) }

    /// Whether the window has room for the next record.
    var hasPlace: Bool { Int(next) - 1 - Int(answeredHere) < window }

    /// A connection goes on after this record.
    mutating func begin(_ attachment: Attachment, after applied: UInt64, _ weights: String?) {
      self.attachment = attachment
      cloudWeights = cloudWeights ?? weights ?? ResumeOffer.seededWeights
      connections += 1
      next = applied + 1
      answeredHere = applied
    }

    var traffic: RunTraffic.Connections {
      var present = RunTraffic.Connections()
      present.ledger = attachment?.connection.ledger ?? ByteLedger()
      present.sendingSeconds = attachment?.connection.sendingSeconds ?? 0
      present.resentBytes = resentBytes
      return past + present
    }

    mutating func forgetConnection() {
      past = traffic
      resentBytes = 0
      attachment = nil
      request = nil
      ends = []
      // Told again by the next one.
      let lost = arrived.first { $0.receivedBefore != nil }
      if let lost {
        arrived.removeAll { $0.sequence >= lost.sequence }
        acknowledgements.removeAll { $0.sequence >= lost.sequence }
        answered = min(answered, lost.sequence - 1)
      }
    }

    mutating func countSent(_ sequence: UInt64, bytes: Int, endsWith sentBytes: ByteCounts?) {
      if sequence <= sent { resentBytes += bytes }
      sent = max(sent, sequence)
      next = sequence + 1
      if let sentBytes { ends.append((sequence, sentBytes)) }
    }

    // MARK: What comes

    mutating func take(_ received: ReceivedMessage) throws {
      switch received.message {
      case .acknowledgement(let acknowledgement): acknowledge(acknowledgement)
      case .gradient(let gradient): self.gradient = gradient
      case .epochReport(let report):
        // The end that it answers is the first one that was sent and not answered; it may not be counted yet.
        answer(report, at: answeredHere + 1, receivedBefore: received.receivedBefore)
      case .replay(let replay):
        for (index, loss) in replay.losses.enumerated() {
          acknowledge(
            Acknowledgement(sequence: replay.first + UInt64(index), loss: loss, correct: replay.correct[index]))
        }
        if let report = replay.report { answer(report, at: replay.last, receivedBefore: nil) }
      case .durable(let durable): self.durable = durable.sequence
      case .alive: break
      case .failure(let failure): throw failure
      case .goodbye: throw TrainingError.peerInterrupted(peer: .cloud)
      default: throw WireError.unexpected(received.message, expected: "an answer of the cloud")
      }
    }

    private mutating func acknowledge(_ acknowledgement: Acknowledgement) {
      answeredHere = max(answeredHere, acknowledgement.sequence)
      // What a cloud that went back has done again is known already.
      guard acknowledgement.sequence > answered else { return }
      latestLoss = Double(acknowledgement.loss)
      if keepsAcknowledgements { acknowledgements.append(acknowledgement) }
      answer(through: acknowledgement.sequence)
    }

    private mutating func answer(_ report: EpochReport, at sequence: UInt64, receivedBefore: ByteCounts?) {
      answeredHere = max(answeredHere, sequence)
      guard sequence > answered else { return }
      arrived.append(Arrived(sequence: sequence, report: report, receivedBefore: receivedBefore))
      answer(through: sequence)
    }

    private mutating func answer(through sequence: UInt64) {
      answered = max(answered, sequence)
      let now = MonotonicClock.seconds()
      for index in watched.indices where watched[index].seconds == nil && watched[index].sequence <= sequence {
        watched[index].seconds = now
      }
    }

    /// - Returns: nil if there is nothing new.
    mutating func takeAnswers() -> Answers? {
      var list = [Answer]()
      var through = answered
      while let next = arrived.first {
        if let receivedBefore = next.receivedBefore {
          guard let end = ends.first(where: { $0.sequence == next.sequence }) else {
            through = next.sequence - 1
            break
          }
          ends.removeAll { $0.sequence <= next.sequence }
          let report = ReceivedReport(report: next.report, counts: (receivedBefore, end.sent))
          list.append(.report(report, sequence: next.sequence))
        } else {
          list.append(.report(ReceivedReport(report: next.report, counts: nil), sequence: next.sequence))
        }
        arrived.removeFirst()
      }
      guard through > taken else { return nil }
      taken = through
      list += acknowledgements.filter { $0.sequence <= through }.map { .acknowledgement($0) }
      acknowledgements.removeAll { $0.sequence <= through }
      return Answers(list: list.sorted { $0.sequence < $1.sequence }, through: through)
    }
  }
}
