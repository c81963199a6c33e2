import DequeModule
import Platform
import Transport

/// Where the sending thread finds what the edge has made of its run: records with consecutive numbers. Any thread may
/// call anything.
protocol RecordStore: AnyObject, Sendable {
  /// The lowest number that can be sent.
  var first: UInt64 { get }
  /// The number of the next record that is made.
  var next: UInt64 { get }

  /// The message of a record; an epoch-end lacks its byte counts.
  ///
  /// - Throws: `SpoolError`, `WireError`, `DatasetError`.
  func message(_ sequence: UInt64) throws -> Message

  /// Whether there is room for one more record.
  ///
  /// - Parameter unanswered: records that are not answered yet.
  func hasRoom(for message: Message, unanswered: Int) -> Bool

  /// Takes the next record.
  ///
  /// - Throws: `SpoolError`, `FileError`, `WireError`.
  func append(_ message: Message) throws

  /// Whether a record that was made once more is the one that is kept; nil if none of this number is.
  func holds(_ message: Message) -> Bool?

  /// The cloud has answered all records up to this one.
  func answered(through sequence: UInt64)

  /// What the cloud has done with all records up to this one is safely on its disk.
  ///
  /// - Throws: `FileError`.
  func durable(through sequence: UInt64) throws

  /// Flushes to the device what has been made.
  ///
  /// - Throws: `FileError`.
  func synchronize() throws
}

/// Records that are kept in memory until they are answered.
final class MemoryRecords: RecordStore {
  private struct State {
    var first: UInt64
    var messages: Deque<Message> = []

    var next: UInt64 { first + UInt64(messages.count) }
  }

  private let window: Int
  private let state: Guarded<State>

  /// - Parameters:
  ///   - window: most records that are not answered.
  ///   - first: the number of the first record that will be made.
  init(window: Int, first: UInt64 = 1) {
    self.window = window
    state = Guarded(State(first: first))
  }

  var first: UInt64 { state.withLock { $0.first } }
  var next: UInt64 { state.withLock { $0.next } }

  func message(_ sequence: UInt64) throws -> Message {
    state.withLock { state in
      precondition(sequence >= state.first && sequence < state.next, "record \(sequence) is not kept")
      return state.messages[Int(sequence - state.first)]
    }
  }

  func hasRoom(for message: Message, unanswered: Int) -> Bool { unanswered < window }

  func append(_ message: Message) { state.withLock { $0.messages.append(message) } }

  func holds(_ message: Message) -> Bool? { nil }

  func answered(through sequence: UInt64) {
    state.withLock { state in
      while state.first <= sequence, state.messages.popFirst() != nil { state.first += 1 }
    }
  }

  func durable(through sequence: UInt64) {}
  func synchronize() {}
}
