import Foundation
import TestSupport
import Testing

@testable import Platform
@testable import RunFiles
@testable import Transport

/// Disks that are full or fail, crashes, and several threads.
@Suite struct SpoolFailureTests {
  @Test func aFullDiskLeavesTheSpoolUsable() throws {
    try withTemporaryDirectory { base in
      let room = Guarded(Int.max)
      var operations = FileOperations.unflushed
      operations.write = { descriptor, bytes, count in
        let allowed = room.withLock { room in
          let allowed = min(room, count)
          room -= allowed
          return allowed
        }
        errno = ENOSPC
        return allowed == 0 ? -1 : FileOperations.live.write(descriptor, bytes, allowed)
      }
      let spool = try Spool(base + "/spool", operations: operations)
      // Also in a segment's header, a record's header and both pieces of its payload.
      for bytes in 0..<130 {
        room.withLock { $0 = bytes }
        var error: (any Error)?
        while error == nil { do { try spool.appendNext() } catch let caught { error = caught } }
        #expect((error as? FileError)?.errorNumber == ENOSPC)
        #expect(
          spool.byteCount == (try Snapshot(base + "/spool").files.values.reduce(0) { $0 + $1.count }))
        room.withLock { $0 = .max }
        try spool.appendNext()
      }
      #expect(spool.next > 131)
      try spool.expectRecords()
      let reopened = try Spool(base + "/spool")
      #expect((reopened.first, reopened.next) == (1, spool.next))
      try reopened.expectRecords()
    }
  }

  @Test func whatCannotBeCutOffIsCutOffLater() throws {
    try withTemporaryDirectory { base in
      let isFailing = Guarded(false)
      var operations = FileOperations.unflushed
      operations.write = { descriptor, bytes, count in
        if !isFailing.withLock({ $0 }) { return FileOperations.live.write(descriptor, bytes, count) }
        errno = EIO
        _ = FileOperations.live.write(descriptor, bytes, count / 2)
        return -1
      }
      operations.truncate = { descriptor, length in
        if !isFailing.withLock({ $0 }) { return FileOperations.live.truncate(descriptor, length) }
        errno = EIO
        return -1
      }
      let spool = try Spool(base + "/spool", operations: operations)
      for _ in 0..<20 {
        isFailing.withLock { $0 = true }
        #expect(throws: FileError.self) { try spool.appendNext() }
        #expect(throws: FileError.self) { try spool.appendNext() }
        // A crash now leaves a torn tail.
        try Snapshot(base + "/spool").restore(to: base + "/copy")
        #expect(try Spool(base + "/copy").next == spool.next)
        isFailing.withLock { $0 = false }
        try spool.appendNext()
      }
      isFailing.withLock { $0 = true }
      #expect(throws: FileError.self) { try spool.appendNext() }
      isFailing.withLock { $0 = false }
      try spool.discard(through: 20)
      #expect(spool.first == 21)
      try spool.appendNext()
      #expect(try Spool(base + "/spool").next == 22)
    }
  }

  @Test func aFlushThatFailedStaysFailed() throws {
    try withTemporaryDirectory { base in
      let isFailing = Guarded(false)
      var operations = FileOperations.unflushed
      operations.synchronize = { _ in
        errno = EIO
        return isFailing.withLock { $0 } ? -1 : 0
      }
      let spool = try Spool(base + "/spool", operations: operations)
      try spool.appendNext()
      isFailing.withLock { $0 = true }
      let path = base + "/spool/" + SpoolFormat.fileName(first: 1)
      let error = FileError(path: path, operation: "fsync", errorNumber: EIO)
      #expect(throws: error) { try spool.synchronize() }
      isFailing.withLock { $0 = false }
      #expect(throws: error) { try spool.synchronize() }
      // No segment may follow; what is there can be read.
      #expect(throws: error) { while true { try spool.appendNext() } }
      #expect(throws: error) { try spool.discard(through: .max) }
      try spool.expectRecords()
      try spool.restart(at: 9)
      try spool.synchronize()
      try spool.appendNext(20)
      try spool.synchronize()
      try spool.expectRecords()
    }
  }

  @Test func aSegmentThatCannotBeTakenBackIsBegunAgain() throws {
    try withTemporaryDirectory { base in
      let isFailing = Guarded(false)
      @Sendable func fails() -> Bool {
        errno = EIO
        return isFailing.withLock { $0 }
      }
      var operations = FileOperations.unflushed
      operations.synchronize = { descriptor in
        var status = stat()
        fstat(descriptor, &status)
        return status.st_mode & S_IFMT == S_IFDIR && fails() ? -1 : 0
      }
      operations.unlink = { path in fails() ? -1 : FileOperations.live.unlink(path) }
      for goesOn in [true, false] {
        let directory = "\(base)/\(goesOn)"
        let spool = try Spool(directory, segmentBytes: 1 << 20, operations: operations)
        try spool.appendNext(2)
        isFailing.withLock { $0 = true }
        #expect(throws: FileError.self) { try spool.discard(through: 2) }
        #expect(try names(in: directory).count == 2)
        isFailing.withLock { $0 = false }
        if goesOn { try spool.appendNext(2) } else { try spool.restart(at: 9) }
        let reopened = try Spool(directory)
        #expect((reopened.first, reopened.next) == (goesOn ? (1, 5) : (9, 9)))
        try reopened.expectRecords()
      }
    }
  }

  @Test func aFlushHoldsNobodyUp() throws {
    try withTemporaryDirectory { base in
      let gate = Guarded((isClosed: false, isReached: false))
      var operations = FileOperations.unflushed
      operations.synchronize = { _ in
        gate.change { $0.isReached = true }
        gate.wait { $0.isClosed ? nil : () }
        return 0
      }
      let spool = try Spool(base + "/spool", segmentBytes: 1 << 20, operations: operations)
      try spool.appendNext(3)
      gate.withLock { $0 = (isClosed: true, isReached: false) }
      let flush = Background { try spool.synchronize() }
      gate.wait { $0.isReached ? () : nil }
      try spool.appendNext(3)
      try spool.expectRecords()
      #expect(spool.hasRoom(for: 1) && spool.next == 7)
      gate.change { $0.isClosed = false }
      try flush.value()
    }
  }

  @Test func threadsDoNotDisturbEachOther() throws {
    try withTemporaryDirectory { base in
      let count: UInt64 = 600
      let spool = try Spool(base + "/spool", limit: 8000, segmentBytes: 1000, operations: .live)
      let isDone = Guarded(false)
      let deadline = MonotonicClock.nanoseconds() + 30_000_000_000
      let appending = Background {
        while spool.next <= count {
          // The reading thread makes room.
          while !spool.hasRoom(for: 30) { try rest(until: deadline) }
          try spool.appendNext()
        }
      }
      let flushing = Background {
        var flushed: UInt64 = 0
        while !isDone.withLock({ $0 }) {
          flushed = spool.next - 1
          try spool.synchronize()
        }
        return flushed
      }
      let reading = Background {
        var number: UInt64 = 1
        while number <= count {
          while spool.next <= number { try rest(until: deadline) }
          let record = try spool.record(number)
          #expect(record == Spool.content(number))
          if number % 50 == 0 { try spool.discard(through: number - 10) }
          number += 1
        }
      }
      let outcomes = [appending.result(), reading.result()]
      isDone.withLock { $0 = true }
      for outcome in outcomes { try outcome.get() }
      #expect(try flushing.value() <= count)
      try spool.discard(through: count)
      #expect(try Spool(base + "/spool").next == count + 1)
    }
  }
}

private struct TimedOut: Error {}

/// Lets another thread run; throws at the deadline, in nanoseconds of the monotonic clock.
private func rest(until deadline: UInt64) throws {
  if MonotonicClock.nanoseconds() > deadline { throw TimedOut() }
  sched_yield()
}
