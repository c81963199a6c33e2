import Platform

/// Wakes a thread that waits in `poll`, or is about to: a signal is kept until it is cleared.
package final class WakeUp: Sendable {
  /// Readable from a signal until the next `clear`.
  let readDescriptor: Int32
  private let writeDescriptor: Int32

  /// - Throws: `SystemError` when the process has no more file descriptors.
  init() throws(SystemError) {
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

  func signal() {
    var byte: UInt8 = 1
    // A pipe that is full has signals enough.
    _ = try? SystemCall.run("write") { write(writeDescriptor, &byte, 1) }
  }

  /// Forgets the signals so far.
  func clear() {
    withUnsafeTemporaryAllocation(byteCount: 256, alignment: 1) { buffer in
      _ = try? SystemCall.run("read") { read(readDescriptor, buffer.baseAddress, buffer.count) }
    }
  }
}
