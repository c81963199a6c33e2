import Platform

/// Attempts to connect to the addresses of one host, in the manner of RFC 8305: the next one begins a quarter of a
/// second after the one before, or as soon as one has failed; the first that connects wins.
struct ConnectionRace {
  /// Seconds after which is said what is waited for.
  static let patienceSeconds = 2.0
  private static let headStartSeconds = 0.25

  private let addresses: [SocketAddress]
  private let operations: SocketOperations
  /// How each address has failed; nil if it has not.
  private var reasons: [String?]
  private var attempts: [(index: Int, descriptor: Int32)] = []
  /// The address that is tried next.
  private var next = 0

  /// - Parameters:
  ///   - addresses: the best one first.
  ///   - operations: the system calls.
  init(_ addresses: [SocketAddress], _ operations: SocketOperations = .live) {
    self.operations = operations
    self.addresses = Self.alternating(addresses)
    reasons = addresses.map { _ in nil }
  }

  /// The same addresses, IPv6 and IPv4 in turn as far as there are both, since it is often one of them that fails as a
  /// whole.
  static func alternating(_ addresses: [SocketAddress]) -> [SocketAddress] {
    let first = addresses.filter { $0.family == addresses.first?.family }
    let second = addresses.filter { $0.family != addresses.first?.family }
    return (0..<max(first.count, second.count)).flatMap { index in
      [first, second].compactMap { index < $0.count ? $0[index] : nil }
    }
  }

  /// Why there is no connection, address by address.
  var failure: String {
    let known = reasons.enumerated().compactMap { index, reason in
      reason.map { addresses.count == 1 ? $0 : "\(name(index)): \($0)" }
    }
    return known.isEmpty ? SystemError.text(of: ETIMEDOUT) : known.joined(separator: "; ")
  }

  /// Connects.
  ///
  /// - Parameters:
  ///   - deadline: for all attempts together.
  ///   - cancellation: wakes the call, which then throws.
  ///   - report: told once what is waited for, if it takes long.
  /// - Returns: a descriptor; nil if no address has answered.
  /// - Throws: `ConnectionError.cancelled`, `SystemError`.
  mutating func run(until deadline: Deadline, _ cancellation: Cancellation?, report: (String) -> Void) throws
    -> Int32?
  {
    defer { for attempt in attempts { SystemCall.close(attempt.descriptor) } }
    let start = MonotonicClock.nanoseconds()
    // With a short timeout, each gets its turn all the same.
    let left = deadline.nanoseconds > start ? deadline.nanoseconds - start : 0
    let headStart = min(MonotonicClock.nanoseconds(Self.headStartSeconds), left / UInt64(addresses.count))
    var turn = start
    var reporting = start + MonotonicClock.nanoseconds(Self.patienceSeconds)
    while true {
      let now = MonotonicClock.nanoseconds()
      if now >= deadline.nanoseconds {
        for attempt in attempts { reasons[attempt.index] = SystemError.text(of: ETIMEDOUT) }
        return nil
      }
      if next < addresses.count, now >= turn || attempts.isEmpty {
        if let connected = begin() { return connected }
        turn = now + headStart
        continue
      }
      if attempts.isEmpty { return nil }
      if now >= reporting {
        report("no answer yet from \(attempts.map { name($0.index) }.joined(separator: ", "))")
        reporting = .max
      }
      let moment = min(deadline.nanoseconds, next < addresses.count ? turn : .max, reporting)
      let ready = try Poll.wait(
        for: Int16(POLLOUT), onAnyOf: attempts.map(\.descriptor), until: moment, cancellation: cancellation)
      guard let ready else { continue }
      let (index, descriptor) = attempts.remove(at: ready)
      guard let error = Self.outcome(of: descriptor) else { return descriptor }
      SystemCall.close(descriptor)
      reasons[index] = SystemError.text(of: error)
      turn = MonotonicClock.nanoseconds()
    }
  }

  /// Begins the next attempt.
  ///
  /// - Returns: the descriptor, if it is connected at once.
  private mutating func begin() -> Int32? {
    let (index, address) = (next, addresses[next])
    next += 1
    do throws(SystemError) {
      let descriptor = try SystemCall.run("socket") { socket(address.family, SocketAddress.streamSocketType, 0) }
      attempts.append((index, descriptor))
      try Socket.makeNonBlocking(descriptor)
    } catch {
      reasons[index] = "\(error)"
      abandonLast(index)
      return nil
    }
    let descriptor = attempts[attempts.count - 1].descriptor
    let isConnected = address.withPointer { operations.connect(descriptor, $0, $1) == 0 }
    let errnoCode = errno
    if isConnected {
      attempts.removeLast()
      return descriptor
    }
    // After EINTR too the attempt goes on in the background.
    if errnoCode != EINPROGRESS && errnoCode != EINTR {
      reasons[index] = SystemError.text(of: errnoCode)
      abandonLast(index)
    }
    return nil
  }

  private mutating func abandonLast(_ index: Int) {
    guard let last = attempts.last, last.index == index else { return }
    SystemCall.close(last.descriptor)
    attempts.removeLast()
  }

  /// - Returns: nil if it is connected, else the value of `errno`.
  private static func outcome(of descriptor: Int32) -> Int32? {
    var code: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    do throws(SystemError) {
      try SystemCall.run("getsockopt") { getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length) }
    } catch { return error.errnoCode }
    return code == 0 ? nil : code
  }

  private func name(_ index: Int) -> String { addresses[index].endpoint?.host ?? "?" }
}
