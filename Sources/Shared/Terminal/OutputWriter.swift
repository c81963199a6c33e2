import Platform

/// Writes to a descriptor from a thread of its own: a terminal that was stopped with Ctrl-S, or a pipe that nobody
/// empties, holds up that thread, and nobody who has something to say.
///
/// The descriptor stays as it is: made non-blocking, it would be so for all programs that share it.
package final class OutputWriter: Sendable {
  private struct State {
    /// False if the system gives none; then whoever has something to say writes it, and waits after all.
    var hasThread = false
    var waiting: [[UInt8]] = []
    var isWriting = false
    var droppedLines = 0
    var isGone = false
    var error: FileError?
    var isGivenUp = false

    var isDone: Bool { waiting.isEmpty && droppedLines == 0 && !isWriting }
  }

  private let descriptor: Int32
  private let path: String
  private let limit: Int?
  private let notice: @Sendable (_ droppedLines: Int) -> String
  private let state = Guarded(State())

  /// The process's standard output: everything is written in the end, or its loss is an error.
  package static let standardOutput = OutputWriter(STDOUT_FILENO, path: "standard output")

  /// - Parameters:
  ///   - descriptor: never closed here.
  ///   - path: what an error calls it.
  ///   - limit: how many pieces wait at most; beyond that the oldest are dropped, and what cannot be written is no
  ///     error. Nil to lose nothing.
  ///   - notice: what is written in place of lines that were dropped.
  init(
    _ descriptor: Int32, path: String, limit: Int? = nil, notice: @escaping @Sendable (Int) -> String = { _ in "" }
  ) {
    self.descriptor = descriptor
    self.path = path
    self.limit = limit
    self.notice = notice
    // Not joined: it waits for more until the program ends.
    let thread = try? Thread { [self] in while true { write(state.wait(for: take)) } }
    state.withLock { $0.hasThread = thread != nil }
  }

  /// Takes a line, or what becomes a part of one, to be written after those before.
  package func write(_ text: String) {
    let piece = Array(text.utf8)
    let hasThread = state.change { state in
      if state.isGone { return true }
      if let limit {
        // Of two states of a progress bar only the later one counts.
        if let last = state.waiting.last, !Self.isLine(last), !Self.isLine(piece) { state.waiting.removeLast() }
        if state.waiting.count == limit, Self.isLine(state.waiting.removeFirst()) { state.droppedLines += 1 }
      }
      state.waiting.append(piece)
      return state.hasThread
    }
    if !hasThread { while let piece = state.withLock(take) { write(piece) } }
  }

  /// Waits until everything is written.
  ///
  /// - Parameter seconds: the longest wait; nil for no end but ``giveUp()``.
  /// - Returns: whether it is.
  /// - Throws: `FileError` for what could not be written. That the reader has gone is no error.
  @discardableResult package func finish(within seconds: Double?) throws(FileError) -> Bool {
    func look(_ state: inout State) throws(FileError) -> Bool? {
      if let error = state.error { throw error }
      if state.isDone { return true }
      return state.isGivenUp ? false : nil
    }
    guard let seconds else { return try state.wait(for: look) }
    return try state.wait(until: Deadline(secondsFromNow: seconds), for: look) ?? false
  }

  /// Whether something is being written, or waits for its reader.
  var isWriting: Bool { state.withLock { $0.isWriting } }

  /// Ends the waits for a reader.
  package func giveUp() { state.change { $0.isGivenUp = true } }

  private static func isLine(_ piece: [UInt8]) -> Bool { piece.contains(UInt8(ascii: "\n")) }

  /// The next piece to write; nil if there is none, or while another thread writes.
  @Sendable private func take(_ state: inout State) -> [UInt8]? {
    if state.isWriting { return nil }
    if state.droppedLines > 0 {
      defer { state.droppedLines = 0 }
      state.isWriting = true
      return Array(notice(state.droppedLines).utf8)
    }
    if state.waiting.isEmpty { return nil }
    state.isWriting = true
    return state.waiting.removeFirst()
  }

  private func write(_ piece: [UInt8]) {
    let errorNumber = errorNumber(writing: piece)
    state.change { state in
      state.isWriting = false
      // A log that cannot be written now may be later; a result with a hole is none.
      guard let errorNumber, limit == nil || errorNumber == EPIPE else { return }
      state.isGone = true
      (state.waiting, state.droppedLines) = ([], 0)
      if errorNumber != EPIPE { state.error = FileError(path: path, operation: "write", errorNumber: errorNumber) }
    }
  }

  /// - Returns: nil if all is written.
  private func errorNumber(writing piece: [UInt8]) -> Int32? {
    var rest = piece[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { FileOperations.live.write(descriptor, $0.baseAddress!, $0.count) }
      if count >= 0 {
        rest = rest.dropFirst(count)
      } else if errno == EAGAIN {
        // Another program that shares the descriptor has made it non-blocking.
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = poll(&entry, 1, -1)
      } else if errno != EINTR {
        return errno
      }
    }
    return nil
  }
}
