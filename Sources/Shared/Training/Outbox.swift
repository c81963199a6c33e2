import DequeModule
import Transport

/// Messages that wait for the sending thread, in order. Guarded by its owner.
package struct Outbox {
  /// Makes a message when its turn has come, from what the connection has carried until then.
  package typealias Draft = (ByteLedger) -> Message

  private var drafts: Deque<Draft> = []
  /// Whether a message is on its way into the stream; it is in the ledger only afterwards.
  private var isSending = false

  package init() {}

  /// Whether everything is sent, and in the ledger.
  package var isDone: Bool { drafts.isEmpty && !isSending }

  package mutating func append(_ draft: @escaping Draft) { drafts.append(draft) }

  /// Takes the next message, if there is one; `sent` has to follow.
  package mutating func next() -> Draft? {
    guard let draft = drafts.popFirst() else { return nil }
    isSending = true
    return draft
  }

  /// The message that was taken is sent, or never will be.
  package mutating func sent() { isSending = false }
}
