import Platform
import Synchronization

/// One end of a byte stream: a connected TCP socket, or half of a socket pair.
///
/// The descriptor is non-blocking; calls wait in `poll`, together with the `Cancellation`. One thread may read while
/// another writes. A call fails when the *connection* makes no progress for `timeout` seconds: a byte received, a byte
/// taken by the kernel for sending, or a byte less in the kernel's send queue, in whichever direction and by whichever
/// thread, starts the time again.
package final class Socket: ByteStream {
  /// Seconds without progress after which a waiting call throws `ConnectionError.timedOut`.
  package let timeout: Double
  /// The peer in numbers; `nil` for a socket pair.
  package let remoteEndpoint: Endpoint?
  /// This end in numbers; `nil` for a socket pair.
  package let localEndpoint: Endpoint?
  let descriptor: OwnedDescriptor
  private let operations: SocketOperations
  private let clock = Guarded(ProgressClock())
  private let silence = Atomic<UInt64>(0)

  /// Takes over a connected descriptor and sets its options.
  ///
  /// - Throws: `SystemError`; the descriptor is then closed.
  init(connected descriptor: Int32, timeout: Double, operations: SocketOperations = .live) throws(SystemError) {
    precondition(timeout > 0, "the timeout must be positive")
    self.timeout = timeout
    self.operations = operations
    let owner = OwnedDescriptor(descriptor)
    self.descriptor = owner
    try Self.makeNonBlocking(descriptor)
    let local = try SocketAddress("getsockname", of: descriptor) { getsockname($0, $1, $2) }
    localEndpoint = local.endpoint
    // A peer that is gone already has no name; the first read says so properly.
    remoteEndpoint = try? SocketAddress("getpeername", of: descriptor) { getpeername($0, $1, $2) }.endpoint
    if local.family == AF_INET || local.family == AF_INET6 {
      try Self.set(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1)
      try Self.set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
      if let limit = Self.retransmissionLimit(timeout) {
        // Linux before 6.15 does not know it.
        try? Self.set(descriptor, Int32(IPPROTO_TCP), Self.retransmissionOption, limit)
      }
    }
  }

  // MARK: Reading

  package func read(
    into buffer: UnsafeMutableRawBufferPointer, patience: Patience, expecting: () -> Expectation
  ) throws -> Int {
    try receive(patience, expecting) { [operations] in operations.receive($0, buffer.baseAddress, buffer.count) }
  }

  /// Waits for a byte, and leaves it to be read.
  ///
  /// - Returns: nil at the end of the stream.
  /// - Throws: as `read`.
  package func peek(patience: Patience) throws -> UInt8? {
    var byte: UInt8 = 0
    let count = try receive(patience, { .progress }) { recv($0, &byte, 1, Int32(MSG_PEEK)) }
    return count == 0 ? nil : byte
  }

  /// Calls `call` until there is something, which it returns.
  private func receive(_ patience: Patience, _ expecting: () -> Expectation, _ call: (Int32) -> Int) throws -> Int {
    try descriptor.use { descriptor in
      while true {
        if patience.cancellation?.isCancelled == true { throw ConnectionError.cancelled }
        let count: Int
        do throws(SystemError) { count = try SystemCall.run("recv") { call(descriptor) } } catch {
          guard error.errnoCode == EAGAIN || error.errnoCode == EWOULDBLOCK else { throw Self.peerGone(error) ?? error }
          try wait(for: Int16(POLLIN), descriptor, patience, expecting)
          continue
        }
        if count > 0 {
          let now = MonotonicClock.nanoseconds()
          clock.withLock { $0.received(at: now) }
        } else if self.descriptor.isClosing {
          throw ConnectionError.closed
        }
        return count
      }
    }
  }

  // MARK: Writing

  /// Straight from the two arrays of `bytes`.
  package func write(_ bytes: inout OutgoingBytes, patience: Patience) throws {
    try descriptor.use { descriptor in
      while !bytes.isComplete {
        if patience.cancellation?.isCancelled == true { throw ConnectionError.cancelled }
        do throws(SystemError) {
          let count = try bytes.withRemainingVectors { (vectors, vectorCount) throws(SystemError) in
            var message = msghdr()
            message.msg_iov = vectors
            message.msg_iovlen = numericCast(vectorCount)
            return try SystemCall.run("send") { operations.send(descriptor, &message) }
          }
          bytes.advance(by: count)
          let now = MonotonicClock.nanoseconds()
          clock.withLock { $0.sent(count, at: now) }
        } catch {
          guard error.errnoCode == EAGAIN || error.errnoCode == EWOULDBLOCK else {
            if self.descriptor.isClosing { throw ConnectionError.closed }
            throw Self.peerGone(error) ?? error
          }
          try wait(for: Int16(POLLOUT), descriptor, patience, { .progress })
        }
      }
    }
  }

  // MARK: Ending

  package func shutdownWriting(patience: Patience = Patience()) {
    try? descriptor.use { _ = operations.shutdown($0, Int32(SHUT_WR)) }
  }

  package func close() { descriptor.close { _ = operations.shutdown($0, Int32(SHUT_RDWR)) } }

  /// A socket holds nothing back.
  package func release() {}

  // MARK: Waiting

  package func allowSilence(seconds: Double) {
    silence.store(MonotonicClock.nanoseconds(seconds), ordering: .releasing)
  }

  package func rest(until moment: UInt64, wakeUp: WakeUp, patience: Patience) throws -> Bool {
    try descriptor.use { descriptor in
      if patience.cancellation?.isCancelled == true { throw ConnectionError.cancelled }
      if let deadline = patience.deadline, deadline.isOver { throw ConnectionError.timedOut(seconds: deadline.seconds) }
      return try Poll.wait(
        for: 0, on: descriptor, until: min(moment, patience.deadline?.nanoseconds ?? .max),
        cancellation: patience.cancellation, wakeUp: wakeUp)
    }
  }

  /// Waits until the descriptor is ready (or has an error that the next call will report). Wakes at least once a second
  /// to look whether another thread or the kernel has made progress.
  private func wait(for events: Int16, _ descriptor: Int32, _ patience: Patience, _ expecting: () -> Expectation) throws
  {
    let limit = MonotonicClock.nanoseconds(timeout) + silence.load(ordering: .acquiring)
    var start = MonotonicClock.nanoseconds()
    while true {
      let now = MonotonicClock.nanoseconds()
      let progress = observeProgress(of: descriptor, at: now)
      let expected = expecting()
      if expected == .nothing { start = now }
      let end = max(start, expected == .word ? progress.lastReceived : progress.last) + limit
      if now >= end { throw ConnectionError.timedOut(seconds: timeout) }
      if let deadline = patience.deadline, now >= deadline.nanoseconds {
        throw ConnectionError.timedOut(seconds: deadline.seconds)
      }
      let next = min(end, patience.deadline?.nanoseconds ?? .max, now + 1_000_000_000)
      if try Poll.wait(for: events, on: descriptor, until: next, cancellation: patience.cancellation) { return }
    }
  }

  /// Looks at the kernel's send queue and returns the times of the last progress.
  private func observeProgress(of descriptor: Int32, at now: UInt64) -> (last: UInt64, lastReceived: UInt64) {
    var queued: Int32 = 0
    // SIOCOUTQ has the number of TIOCOUTQ: bytes not yet acknowledged by the peer's kernel.
    let isKnown = ioctl(descriptor, UInt(TIOCOUTQ), &queued) == 0
    return clock.withLock { clock in
      if isKnown { clock.observe(queuedBytes: Int(queued), at: now) }
      return (clock.lastProgress, clock.lastReceived)
    }
  }

  // MARK: Options

  static func makeNonBlocking(_ descriptor: Int32) throws(SystemError) {
    try SystemCall.run("fcntl(O_NONBLOCK)") { fcntl(descriptor, F_SETFL, O_NONBLOCK) }
    try SystemCall.run("fcntl(FD_CLOEXEC)") { fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
  }

  static func set(_ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: Int32) throws(SystemError) {
    try SystemCall.run("setsockopt") {
      withUnsafePointer(to: value) { setsockopt(descriptor, level, option, $0, socklen_t(MemoryLayout<Int32>.size)) }
    }
  }

  /// `TCP_RTO_MAX_MS`, which this module of the C library lacks.
  static let retransmissionOption: Int32 = 44

  /// Milliseconds between two attempts to send what was lost, at most; nil for the system's own limit.
  ///
  /// TCP waits twice as long each time, so that after an outage of 7 s it tries again only 13 s after its beginning,
  /// which may be beyond the timeout. A tenth of the timeout is soon enough. The system takes no less than a second,
  /// and gives up after 15 attempts: up to 200 s of timeout they last longer than that.
  static func retransmissionLimit(_ timeout: Double) -> Int32? {
    timeout <= 200 ? Int32(max(timeout / 10, 1) * 1000) : nil
  }

  /// The errors that say that there is nobody at the other end any more.
  static func peerGone(_ error: SystemError) -> ConnectionError? {
    let codes = [ECONNRESET, EPIPE, ECONNABORTED, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ENETDOWN, ENOTCONN]
    guard codes.contains(error.errnoCode) else { return nil }
    return .peerGone(operation: error.operation, errnoCode: error.errnoCode)
  }
}
