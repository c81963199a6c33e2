import Foundation
import TestSupport

@testable import Platform

extension FileOperations {
  /// A process that dies at its nth call: of a write only half is done, and nothing of what follows.
  ///
  /// - Returns: also whether it is dead.
  static func dying(atCall last: Int) -> (FileOperations, isDead: Guarded<Bool>) {
    let calls = Guarded(0)
    let isDead = Guarded(false)
    @Sendable func lives() -> Bool {
      calls.withLock { calls in
        calls += 1
        if calls >= last {
          isDead.withLock { $0 = true }
          errno = EIO
        }
        return calls < last
      }
    }
    let live = FileOperations.live
    var operations = live
    operations.open = { lives() ? live.open($0, $1, $2) : -1 }
    operations.write = { descriptor, bytes, count in
      if lives() { return live.write(descriptor, bytes, count) }
      if calls.withLock({ $0 }) == last { _ = live.write(descriptor, bytes, count / 2) }
      errno = EIO
      return -1
    }
    operations.synchronize = { lives() ? live.synchronize($0) : -1 }
    operations.truncate = { lives() ? live.truncate($0, $1) : -1 }
    operations.rename = { lives() ? live.rename($0, $1) : -1 }
    operations.unlink = { lives() ? live.unlink($0) : -1 }
    return (operations, isDead)
  }
}
