import Foundation
import TestSupport
import Testing

@testable import Platform
@testable import RunFiles
@testable import Transport

@Suite struct SpoolTests {
  @Test func whatIsAppendedIsReadAndReopened() throws {
    try withTemporaryDirectory { base in
      do {
        let spool = try Spool(base + "/spool", operations: .live)
        #expect((spool.first, spool.next, spool.byteCount) == (1, 1, 84))
        try spool.appendNext(20)
        try spool.synchronize()
        try spool.expectRecords()
      }
      let spool = try Spool(base + "/spool", operations: .live)
      #expect((spool.first, spool.next) == (1, 21))
      try spool.expectRecords()
      try spool.appendNext(20)
      try spool.expectRecords()
      // Back and forth between segments.
      for number in [40, 1, 39, 2, 20, 21] as [UInt64] { #expect(try spool.record(number) == Spool.content(number)) }
      for number in [0, 41, .max] as [UInt64] {
        #expect(
          throws: SpoolError.notKept(directory: base + "/spool", number: number, first: 1, next: 41)
        ) { try spool.record(number) }
        #expect(spool.checksum(of: number) == nil)
      }
      let sizes = try Snapshot(base + "/spool").files.values.map(\.count)
      #expect(spool.byteCount == sizes.reduce(0, +) && sizes.count > 5)
    }
  }

  @Test func theFormatIsGolden() throws {
    try withTemporaryDirectory { base in
      let spool = try Spool(base + "/spool")
      try spool.append(kind: 7, [1, 2], [3][...])
      try spool.append(kind: 8, [])
      func checksum(_ bytes: [UInt8]) -> [UInt8] {
        let value = bytes.withUnsafeBytes { CRC32C.checksum($0) }
        return [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: value >> $0) }
      }
      var expected: [UInt8] = Array("HTSP".utf8) + [2, 0, 0, 0] + [1, 0, 0, 0, 0, 0, 0, 0] + Array("r-1".utf8)
      expected += [UInt8](repeating: 0, count: 61)
      expected += checksum(expected)
      expected += [3, 0, 0, 0] + [7] + [1, 0, 0, 0, 0, 0, 0, 0]
      expected += checksum([7, 1, 2, 3] + [3, 0, 0, 0] + [1, 0, 0, 0, 0, 0, 0, 0]) + [1, 2, 3]
      expected += [0, 0, 0, 0] + [8] + [2, 0, 0, 0, 0, 0, 0, 0]
      expected += checksum([8] + [0, 0, 0, 0] + [2, 0, 0, 0, 0, 0, 0, 0])
      #expect(try names(in: base + "/spool") == ["0000000000000000001.spool"])
      #expect(try contents(base + "/spool/0000000000000000001.spool") == expected)
    }
  }

  @Test func fileNames() {
    #expect(SpoolFormat.first(fileName: "9223372036854775807.spool") == SpoolFormat.maximumNumber)
    for name in [
      "0000000000000000000.spool", "9223372036854775808.spool", "1.spool", "00000000000000000001.spool",
      "000000000000000000a.spool", "+000000000000000001.spool", "0000000000000000001.spoo", ".spool", "",
      "99999999999999999999999.spool",
    ] { #expect(SpoolFormat.first(fileName: name) == nil, "\(name)") }
  }

  @Test func theChecksumIsThatOfTheContent() throws {
    try withTemporaryDirectory { base in
      let spool = try Spool(base + "/spool")
      try spool.append(kind: 7, [1, 2], [3][...])
      try spool.append(kind: 7, [1], [0, 2, 3, 4][1...2])
      try spool.append(kind: 8, [1, 2, 3])
      #expect(spool.checksum(of: 1) == Spool.checksum(kind: 7, [1, 2, 3]))
      #expect(spool.checksum(of: 2) == Spool.checksum(kind: 7, [], [1, 2, 3][...]))
      #expect(spool.checksum(of: 3) != spool.checksum(of: 1))
    }
  }

  @Test func wholeSegmentsAreDiscarded() throws {
    try withTemporaryDirectory { base in
      let spool = try Spool(base + "/spool")
      try spool.appendNext(40)
      var firsts: [UInt64] = []
      for number in 0...38 as ClosedRange<UInt64> {
        let before = spool.first
        try spool.discard(through: number)
        // Never a record that comes after it.
        #expect(spool.first <= number + 1 && spool.first >= before)
        if spool.first != before { firsts.append(spool.first) }
        #expect(try names(in: base + "/spool").first == SpoolFormat.fileName(first: spool.first))
        #expect(spool.byteCount == (try Snapshot(base + "/spool").files.values.reduce(0) { $0 + $1.count }))
      }
      #expect(firsts.count > 5 && spool.next == 41)
      try spool.expectRecords()
      #expect(throws: SpoolError.self) { try spool.record(1) }
      let reopened = try Spool(base + "/spool")
      #expect((reopened.first, reopened.next) == (spool.first, 41))
      try reopened.expectRecords()
    }
  }

  @Test(arguments: [3, UInt64.max])
  func theNumbersGoOnWhenAllIsDiscarded(number: UInt64) throws {
    try withTemporaryDirectory { base in
      let spool = try Spool(base + "/spool", segmentBytes: 1 << 20)
      try spool.appendNext(3)
      try spool.discard(through: number)
      try spool.discard(through: number)
      #expect((spool.first, spool.next, spool.byteCount) == (4, 4, 84))
      #expect(try names(in: base + "/spool") == [SpoolFormat.fileName(first: 4)])
      let reopened = try Spool(base + "/spool")
      #expect((reopened.first, reopened.next) == (4, 4))
      try reopened.appendNext(9)
      try reopened.expectRecords()
      #expect(
        throws: SpoolError.notKept(directory: base + "/spool", number: 3, first: 4, next: 13)
      ) { try reopened.record(3) }
    }
  }

  @Test func aRecordThatIsBeingReadMayBeDiscarded() throws {
    try withTemporaryDirectory { base in
      let spool = try Spool(base + "/spool")
      try spool.appendNext(20)
      _ = try spool.record(1)
      try spool.discard(through: 20)
      #expect(throws: SpoolError.self) { try spool.record(1) }
      try spool.appendNext()
      try spool.expectRecords()
    }
  }

  @Test func theLimitHolds() throws {
    try withTemporaryDirectory { base in
      let spool = try Spool(base + "/spool", limit: 1000)
      var count: UInt64 = 0
      while spool.hasRoom(for: 30) {
        try spool.append(kind: 1, [UInt8](repeating: 1, count: 30))
        count += 1
        #expect(spool.byteCount <= 1000)
      }
      #expect(count > 9 && spool.byteCount > 1000 - 84 - 17 - 30)
      let needed = spool.byteCount + 84 + 17 + 30
      let full = SpoolError.full(directory: base + "/spool", limit: 1000, needed: needed)
      #expect(throws: full) { try spool.append(kind: 1, [UInt8](repeating: 1, count: 30)) }
      #expect(spool.next == count + 1)
      // Segments that go make room.
      try spool.discard(through: 6)
      #expect(spool.hasRoom(for: 30))
      try spool.discard(through: count)
      // An empty one has room for one record whatever its size.
      #expect(spool.hasRoom(for: 5000) && !spool.hasRoom(for: 1 << 30) && !spool.hasRoom(for: .max))
      try spool.append(kind: 1, [UInt8](repeating: 2, count: 5000))
      #expect(!spool.hasRoom(for: 0))
      #expect(throws: SpoolError.self) { try spool.append(kind: 1, []) }
      #expect(try Spool(base + "/spool", limit: 1000).record(count + 1).payload == [UInt8](repeating: 2, count: 5000))
    }
  }

  @Test func aSpoolRestartsAtAnotherNumber() throws {
    try withTemporaryDirectory { base in
      let spool = try Spool(base + "/spool")
      try spool.appendNext(20)
      for (number, count) in [(100, 20), (50, 20), (55, 0), (55, 3)] as [(UInt64, UInt64)] {
        try spool.restart(at: number)
        #expect((spool.first, spool.next, spool.byteCount) == (number, number, 84))
        #expect(try names(in: base + "/spool") == [SpoolFormat.fileName(first: number)])
        try spool.appendNext(Int(count))
        try spool.expectRecords()
        let reopened = try Spool(base + "/spool")
        #expect((reopened.first, reopened.next) == (number, number + count))
        try reopened.expectRecords()
      }
      for number in [0, 1 << 63] as [UInt64] {
        #expect(
          throws: SpoolError.invalidNumber(directory: base + "/spool", number: number)
        ) { try spool.restart(at: number) }
      }
      #expect(spool.next == 58)
    }
  }

  @Test func aSpoolBeginsWhereItIsTold() throws {
    try withTemporaryDirectory { base in
      let run = try RunIdentifier(validating: "r-1")
      let spool = try Spool(directory: base + "/spool", run: run, first: 7, limit: 1000)
      #expect((spool.first, spool.next) == (7, 7))
      // Not one that is there.
      #expect(try Spool(directory: base + "/spool", run: run, first: 9, limit: 1000).next == 7)
      #expect(throws: SpoolError.invalidNumber(directory: base + "/other", number: 0)) {
        try Spool(directory: base + "/other", run: run, first: 0, limit: 1000)
      }
      #expect(throws: FileError(path: base + "/a/b", operation: "mkdir", errorNumber: ENOENT)) {
        try Spool(base + "/a/b")
      }
    }
  }

  @Test func nothingFollowsClose() throws {
    try withTemporaryDirectory { base in
      let spool = try Spool(base + "/spool")
      try spool.appendNext()
      spool.close()
      spool.close()
      let closed = SpoolError.closed(directory: base + "/spool")
      #expect(throws: closed) { try spool.append(kind: 1, []) }
      #expect(throws: closed) { try spool.record(1) }
      #expect(throws: closed) { try spool.synchronize() }
      #expect(throws: closed) { try spool.discard(through: 1) }
      #expect(throws: closed) { try spool.restart(at: 1) }
      #expect(try Spool(base + "/spool").next == 2)
    }
  }

  @Test func descriptorsAreClosed() throws {
    try withTemporaryDirectory { base in
      let open = Guarded(0)
      var operations = FileOperations.unflushed
      operations.open = { path, flags, mode in
        open.withLock { $0 += 1 }
        return FileOperations.live.open(path, flags, mode)
      }
      operations.close = { descriptor in
        open.withLock { $0 -= 1 }
        return FileOperations.live.close(descriptor)
      }
      let spool = try Spool(base + "/spool", operations: operations)
      try spool.appendNext(40)
      try spool.expectRecords()
      // That of the last segment, and of the one that was read last.
      #expect(open.withLock { $0 } == 2)
      try spool.discard(through: 40)
      #expect(open.withLock { $0 } == 1)
      spool.close()
      #expect(open.withLock { $0 } == 0)
      withExtendedLifetime(spool) {}
    }
  }
}
