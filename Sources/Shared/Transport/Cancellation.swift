import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A switch that can be thrown once, from any thread, and that wakes every thread that waits in a socket call
/// with it; those calls throw `ConnectionError.cancelled`.
package final class Cancellation: Sendable {
  private let flag = Atomic<Bool>(false)
  /// Becomes readable for good when `cancel()` is called: the byte is never read.
  let readDescriptor: Int32
  private let writeDescriptor: Int32

  /// - Throws: `SocketError` when the process has no more file descriptors.
  package init() throws(SocketError) {
    var ends: [Int32] = [-1, -1]
    try SystemCall.run("pipe") { pipe(&ends) }
    readDescriptor = ends[0]
    writeDescriptor = ends[1]
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
  }

  deinit {
    SystemCall.close(readDescriptor)
    SystemCall.close(writeDescriptor)
  }

  package var isCancelled: Bool { flag.load(ordering: .acquiring) }

  /// Cancels; later calls do nothing.
  package func cancel() {
    guard !flag.exchange(true, ordering: .acquiringAndReleasing) else { return }
    var byte: UInt8 = 1
    _ = try? SystemCall.run("write") { write(writeDescriptor, &byte, 1) }
  }
}
