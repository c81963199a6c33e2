import Compute
import Transport

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The edge's end of the conversation: a thread that sends, a thread that receives, and the window between them and
/// the thread that computes.
package final class EdgeLink: @unchecked Sendable {
  private let connection: FramedConnection
  private let window: Int
  private let timeline: Timeline?
  private let condition = Condition()

  // Guarded by `condition`.
  private var outbox: [Message] = []
  /// Whether a message is on its way into the socket; it is in the ledger only afterwards.
  private var isSending = false
  private var isClosing = false
  private var reserved: UInt64 = 0
  private var acknowledged: UInt64 = 0
  private var lastLoss: Double?
  /// Those of the batches since they were taken.
  private var acknowledgements: [Acknowledgement] = []
  /// Of the batch that was posted last, until it is taken.
  private var gradient: Gradient?
  private var batchReports: [BatchReport] = []
  private var report: ReceivedReport?
  private var failure: (any Error)?
  private var threads: [Thread] = []

  /// An epoch's report and what had been received before it.
  package struct ReceivedReport {
    package let report: EpochReport
    package let receivedBefore: ByteCounts
  }

  /// Starts both threads on a connection whose handshake is done.
  package init(_ connection: FramedConnection, window: Int, timeline: Timeline? = nil) {
    self.connection = connection
    self.window = window
    self.timeline = timeline
    threads = [Thread { [self] in send() }, Thread { [self] in receive() }]
  }

  package var ledger: ByteLedger { connection.ledger }

  /// Seconds in which frames were being sent.
  package var sendingSeconds: Double { connection.sendingSeconds }

  /// The final loss of the batch that was acknowledged last; nil before the first.
  package var latestLoss: Double? { condition.locked { lastLoss } }

  // MARK: The computing thread

  /// Waits for a place in the window.
  ///
  /// - Returns: the sequence number of the batch to be posted.
  /// - Throws: what ended the link.
  package func reserve() throws -> UInt64 {
    try condition.locked {
      condition.wait { failure != nil || Int(reserved - acknowledged) < window }
      if let failure { throw failure }
      reserved += 1
      return reserved
    }
  }

  /// Hands a message to the sending thread; never waits.
  package func post(_ message: Message) {
    condition.locked {
      outbox.append(message)
      condition.broadcast()
    }
  }

  /// What has been acknowledged since the last call, in order.
  package func takeAcknowledgements() -> [Acknowledgement] {
    condition.locked { takeAll(&acknowledgements) }
  }

  /// Waits until every batch is acknowledged, and with it counted in the ledger.
  ///
  /// - Returns: the acknowledgements that have not been taken.
  @discardableResult
  package func awaitAcknowledgements() throws -> [Acknowledgement] {
    try condition.locked {
      condition.wait { failure != nil || (acknowledged == reserved && isOutboxDone) }
      if let failure { throw failure }
      return takeAll(&acknowledgements)
    }
  }

  /// Waits for the gradient of the batch that was posted last.
  package func awaitGradient() throws -> Gradient {
    try condition.locked {
      condition.wait { failure != nil || gradient != nil }
      guard let gradient else { throw failure ?? InterruptedError() }
      self.gradient = nil
      return gradient
    }
  }

  /// Waits for the next batch that the cloud has trained on or evaluated by itself.
  ///
  /// - Returns: nil if the epoch's report has come instead.
  package func awaitBatchReport() throws -> BatchReport? {
    try condition.locked {
      condition.wait { failure != nil || !batchReports.isEmpty || report != nil }
      if !batchReports.isEmpty { return batchReports.removeFirst() }
      if let failure { throw failure }
      return nil
    }
  }

  /// Waits for the report of the epoch that was ended.
  package func awaitReport() throws -> ReceivedReport {
    try condition.locked {
      condition.wait { failure != nil || (report != nil && isOutboxDone) }
      guard let report else { throw failure ?? InterruptedError() }
      self.report = nil
      return report
    }
  }

  /// Makes everything that waits, and all that would, throw the error. The first error stays.
  package func fail(_ error: any Error) {
    condition.locked {
      if failure == nil { failure = error }
      condition.broadcast()
    }
  }

  /// Sends a last message if there is one and the peer still listens, closes, and waits for both threads.
  package func close(sending message: Message?) {
    condition.locked {
      isClosing = true
      condition.broadcast()
    }
    connection.close(sending: message, within: 2)
    for thread in threads { thread.join() }
    threads = []
  }

  private var isOutboxDone: Bool { outbox.isEmpty && !isSending }

  // MARK: The other two threads

  private func send() {
    while let message = nextMessage() {
      do {
        try timeline.measure(.send) { _ = try connection.send(message) }
      } catch {
        // The peer may have said why it went; the receiving thread then knows better.
        for _ in 0..<50 where condition.locked({ failure == nil && !isClosing }) { sleep(milliseconds: 10) }
        return fail(error)
      }
    }
  }

  private func nextMessage() -> Message? {
    condition.locked {
      isSending = false
      condition.broadcast()
      condition.wait { isClosing || failure != nil || !outbox.isEmpty }
      if isClosing || failure != nil { return nil }
      isSending = true
      return outbox.removeFirst()
    }
  }

  private func receive() {
    do {
      while true {
        let received = try connection.receive()
        timeline?.record(.receive, from: received.firstByteNanoseconds)
        switch received.message {
        case .acknowledgement(let acknowledgement):
          condition.locked {
            acknowledged = acknowledgement.sequence
            lastLoss = Double(acknowledgement.loss)
            acknowledgements.append(acknowledgement)
            condition.broadcast()
          }
        case .gradient(let gradient):
          condition.locked {
            self.gradient = gradient
            condition.broadcast()
          }
        case .batchReport(let report):
          condition.locked {
            batchReports.append(report)
            lastLoss = Double(report.loss)
            condition.broadcast()
          }
        case .epochReport(let report):
          condition.locked {
            self.report = ReceivedReport(report: report, receivedBefore: received.receivedBefore)
            condition.broadcast()
          }
        case .failure(let failure): throw failure
        case .goodbye: throw TrainingError.peerInterrupted(peer: "cloud")
        default: preconditionFailure("the state machine lets no \(received.message.type) through")
        }
      }
    } catch {
      fail(error)
    }
  }
}

/// Empties a list.
private func takeAll<Element>(_ list: inout [Element]) -> [Element] {
  defer { list = [] }
  return list
}

/// Rests this thread.
func sleep(milliseconds: Int) {
  var time = timespec(tv_sec: 0, tv_nsec: milliseconds * 1_000_000)
  nanosleep(&time, nil)
}
