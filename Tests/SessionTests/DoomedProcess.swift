import Foundation
import TestSupport

@testable import Platform
@testable import Transport

/// The calls of a process on files and on sockets, of which the nth of one kind fails, or is the last one of all.
final class DoomedProcess: Sendable {
  enum Kind: String, CaseIterable { case files, sockets }

  enum Fate: String, CaseIterable {
    /// The call fails, once; a connection is reset by it. The process lives on, and ends if it wants.
    case failure
    /// The process is killed. Of what the call would write, half is written; all that was written stays.
    case kill
    /// The machine loses its power: nothing stays that was not flushed.
    case powerCut = "power-cut"
    /// The same, but of each file half of what was not flushed stays, and all names.
    case tornPowerCut = "torn-power-cut"
  }

  private enum Verdict { case lives, fails, dies, isDead }

  private struct State {
    var calls = 0
    var isDead = false
  }

  private let kind: Kind
  private let fate: Fate
  private let last: Int
  private let disk: UnflushedDisk
  private let state = Guarded(State())

  /// - Parameters:
  ///   - last: the number of the call, from 1; `.max` for none.
  ///   - stash: an empty directory next to the process's files.
  init(_ kind: Kind, _ fate: Fate, atCall last: Int, stash: String) {
    (self.kind, self.fate, self.last) = (kind, fate, last)
    disk = UnflushedDisk(stash: stash)
  }

  /// Calls of the kind so far.
  var calls: Int { state.withLock { $0.calls } }
  var isReached: Bool { calls >= last }
  /// What is left of it in this process can only end.
  var isDead: Bool { state.withLock { $0.isDead } }

  /// Lets the disk be what it is after the process has died. To be called when nothing is left of it.
  func loseUnflushed() throws {
    guard isDead else { return }
    switch fate {
    case .failure, .kill: break
    case .powerCut: try disk.loseUnflushed()
    case .tornPowerCut: try disk.tearUnflushed(withZeros: last.isMultiple(of: 2))
    }
  }

  private func judge(_ kind: Kind) -> Verdict {
    state.withLock { state in
      if state.isDead { return .isDead }
      guard kind == self.kind else { return .lives }
      state.calls += 1
      guard state.calls == last else { return .lives }
      if fate == .failure { return .fails }
      state.isDead = true
      return .dies
    }
  }

  // MARK: Files

  /// - Parameter part: what a failing call does all the same.
  private func file<Result: SignedInteger>(part: () -> Void = {}, _ call: () -> Result) -> Result {
    switch judge(.files) {
    case .lives: return call()
    case .fails, .dies: part()
    case .isDead: break
    }
    errno = last.isMultiple(of: 2) && !isDead ? ENOSPC : EIO
    return -1
  }

  var files: FileOperations {
    let base = disk.operations
    var operations = base
    operations.open = { path, flags, mode in self.file { base.open(path, flags, mode) } }
    operations.write = { descriptor, bytes, count in
      self.file(part: { _ = base.write(descriptor, bytes, count / 2) }) { base.write(descriptor, bytes, count) }
    }
    operations.read = { descriptor, bytes, count, offset in self.file { base.read(descriptor, bytes, count, offset) } }
    operations.synchronize = { descriptor in self.file { base.synchronize(descriptor) } }
    operations.truncate = { descriptor, length in self.file { base.truncate(descriptor, length) } }
    operations.close = { descriptor in
      // The system closes the files of a dead process.
      let result = base.close(descriptor)
      return self.file { result }
    }
    operations.rename = { from, to in self.file { base.rename(from, to) } }
    operations.unlink = { path in self.file { base.unlink(path) } }
    operations.makeDirectory = { path, mode in self.file { base.makeDirectory(path, mode) } }
    return operations
  }

  // MARK: Sockets

  /// - Parameters:
  ///   - part: what a failing call does all the same.
  ///   - code: the error of a connection that is lost.
  private func socket<Result: SignedInteger>(
    _ code: Int32, part: (Verdict) -> Void, _ call: () -> Result
  ) -> Result {
    let verdict = judge(.sockets)
    if verdict == .lives { return call() }
    part(verdict)
    errno = code
    return -1
  }

  var sockets: SocketOperations {
    let live = SocketOperations.live
    return SocketOperations(
      connect: { descriptor, address, length in
        self.socket(ECONNREFUSED, part: { _ in }) { live.connect(descriptor, address, length) }
      },
      accept: { descriptor in
        self.socket(ECONNABORTED, part: { _ in _ = Glibc.close(live.accept(descriptor)) }) { live.accept(descriptor) }
      },
      receive: { descriptor, bytes, count in
        self.socket(ECONNRESET, part: { self.cut(descriptor, $0) }) { live.receive(descriptor, bytes, count) }
      },
      send: { descriptor, message in
        self.socket(
          ECONNRESET,
          part: { verdict in
            if verdict != .isDead { Self.sendHalf(message, over: descriptor) }
            self.cut(descriptor, verdict)
          }
        ) { live.send(descriptor, message) }
      },
      shutdown: { descriptor, how in
        // One that failed without a connection that is lost would be no call of this world.
        self.socket(ENOTCONN, part: { self.cut(descriptor, $0) }) { live.shutdown(descriptor, how) }
      })
  }

  /// The system ends the connections of a process that is killed; a connection that fails is reset. (So is that of a
  /// machine without power, when it has power again.)
  private func cut(_ descriptor: Int32, _ verdict: Verdict) {
    if verdict != .fails && fate == .kill {
      _ = shutdown(descriptor, Int32(SHUT_RDWR))
      return
    }
    var nobody = sockaddr()
    nobody.sa_family = sa_family_t(AF_UNSPEC)
    // A listener stops to listen by it, too.
    _ = connect(descriptor, &nobody, socklen_t(MemoryLayout<sockaddr>.size))
    _ = shutdown(descriptor, Int32(SHUT_RDWR))
  }

  private static func sendHalf(_ message: UnsafePointer<msghdr>, over descriptor: Int32) {
    guard let first = message.pointee.msg_iov else { return }
    _ = send(descriptor, first.pointee.iov_base, first.pointee.iov_len / 2, Int32(MSG_NOSIGNAL))
  }
}
