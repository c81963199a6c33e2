import Compute
import Foundation
import TestSupport
import Testing

@testable import Platform
@testable import RunFiles
@testable import Transport

/// What is found when a spool is opened.
@Suite struct SpoolDamageTests {
  /// Opens a spool that may be damaged: what it has is right, and it goes on.
  ///
  /// - Returns: the number of the next record; nil if it cannot be opened.
  private func next(_ directory: String) throws -> UInt64? {
    do {
      let spool = try Spool(directory, segmentBytes: 1 << 20)
      let next = spool.next
      try spool.expectRecords()
      try spool.appendNext(3)
      let reopened = try Spool(directory, segmentBytes: 1 << 20)
      #expect((reopened.first, reopened.next) == (spool.first, next + 3))
      try reopened.expectRecords()
      return next
    } catch let error as SpoolError {
      #expect(error.description.hasPrefix(directory) && !error.description.contains("\n"), "\(error)")
      return nil
    }
  }

  @Test func everyTruncation() throws {
    try withTemporaryDirectory { base in
      let snapshot = try Snapshot.twoSegments(base + "/spool")
      // Where records end in the second file.
      var ends: [Int] = [84]
      for number in 6...8 as ClosedRange<UInt64> {
        ends.append((ends.last ?? 0) + 17 + Spool.content(number).payload.count)
      }
      for name in snapshot.fileNames {
        let bytes = snapshot.files[name] ?? []
        for length in 0..<bytes.count {
          var cut = snapshot
          cut.files[name] = Array(bytes[..<length])
          try cut.restore(to: base + "/spool")
          let next = try next(base + "/spool")
          if name == snapshot.fileNames[0] {
            #expect(next == nil, "\(length) bytes")
          } else {
            #expect(next == 6 + UInt64(ends.dropFirst().count { $0 <= length }), "\(length) bytes")
          }
        }
      }
    }
  }

  @Test(arguments: [0x01, 0xff] as [UInt8])
  func everyAlteredByte(mask: UInt8) throws {
    try withTemporaryDirectory { base in
      let snapshot = try Snapshot.twoSegments(base + "/spool")
      for name in snapshot.fileNames {
        let bytes = snapshot.files[name] ?? []
        let lastRecord = bytes.count - 17 - Spool.content(8).payload.count
        for offset in bytes.indices {
          var altered = snapshot
          altered.files[name]?[offset] ^= mask
          try altered.restore(to: base + "/spool")
          // A last record that is broken is taken for a torn one.
          let isLast = name == snapshot.fileNames[1] && offset >= lastRecord
          #expect(try next(base + "/spool") == (isLast ? 8 : nil), "\(name), byte \(offset)")
        }
      }
    }
  }

  @Test func whateverElseIsThere() throws {
    var random = SystemRandomNumberGenerator()
    let seed = random.next()
    var generator = Generator(state: seed)
    try withTemporaryDirectory { base in
      let snapshot = try Snapshot.twoSegments(base + "/spool")
      for round in 0..<400 {
        var altered = snapshot
        for _ in 0...Int.random(in: 0...2, using: &generator) {
          let name = snapshot.fileNames[Int.random(in: 0...1, using: &generator)]
          var bytes = altered.files[name] ?? []
          let start = Int.random(in: 0...bytes.count, using: &generator)
          let end = min(bytes.count, start + Int.random(in: 0...40, using: &generator))
          let fill: UInt8? = [nil, 0, 255][Int.random(in: 0...2, using: &generator)]
          bytes.replaceSubrange(
            start..<end,
            with: (0..<Int.random(in: 0...40, using: &generator)).map { _ in
              fill ?? UInt8.random(in: 0...255, using: &generator)
            })
          altered.files[name] = bytes
        }
        try altered.restore(to: base + "/spool")
        if let next = try next(base + "/spool") { #expect((6...9).contains(next), "seed \(seed), round \(round)") }
      }
    }
  }

  @Test func zerosAtTheEndAreCutOff() throws {
    try withTemporaryDirectory { base in
      let snapshot = try Snapshot.twoSegments(base + "/spool")
      for (index, expected) in [nil, 9].enumerated() as EnumeratedSequence<[UInt64?]> {
        for count in [1, 17, 1000] {
          var longer = snapshot
          longer.files[snapshot.fileNames[index]]? += [UInt8](repeating: 0, count: count)
          try longer.restore(to: base + "/spool")
          #expect(try next(base + "/spool") == expected)
        }
      }
    }
  }

  @Test func aRecordBehindABrokenOneIsFoundAnywhere() throws {
    try withTemporaryDirectory { base in
      // Longer than the buffer of the check.
      let spool = try Spool(base + "/spool", segmentBytes: 1 << 20)
      try spool.append(kind: 1, [UInt8](repeating: 1, count: 300_000))
      try spool.append(kind: 2, [5])
      let path = base + "/spool/" + SpoolFormat.fileName(first: 1)
      var bytes = try contents(path)
      // The length is part of what may be wrong.
      for offset in [84, 87, 1000] {
        bytes[offset] ^= 0x40
        try write(bytes, path)
        let error = #expect(throws: SpoolError.self) { try Spool(base + "/spool") }
        let place = 84 + 17 + 300_000
        #expect(error?.description.hasSuffix(", and record 2 behind it at byte \(place)") == true, "\(offset)")
        #expect(try contents(path) == bytes)
        bytes[offset] ^= 0x40
      }
      try write(bytes, path)
      #expect(try Spool(base + "/spool").record(2).payload == [5])
    }
  }

  @Test func numbersFollowEachOther() throws {
    try withTemporaryDirectory { base in
      let path = base + "/spool/" + SpoolFormat.fileName(first: 1)
      let spool = try Spool(base + "/spool")
      try spool.appendNext()
      let header = SpoolRecordHeader(
        length: 0, kind: 1, number: 3, contentChecksum: Spool.checksum(kind: 1, []))
      let bytes = try contents(path)
      try write(bytes + header.bytes, path)
      #expect(
        throws: SpoolError.damaged(path: path, expected: "record 2 at byte \(bytes.count)", actual: "record 3")
      ) { try Spool(base + "/spool") }
    }
  }

  @Test func aMissingSegmentIsNamed() throws {
    try withTemporaryDirectory { base in
      let spool = try Spool(base + "/spool")
      try spool.appendNext(20)
      let files = try names(in: base + "/spool")
      try FileManager.default.removeItem(atPath: base + "/spool/" + files[1])
      let (missing, next) = (
        try #require(SpoolFormat.first(fileName: files[1])), try #require(SpoolFormat.first(fileName: files[2]))
      )
      let error = SpoolError.damaged(
        path: base + "/spool/" + files[2], expected: "a segment that begins with record \(missing)",
        actual: "this one as the next, which begins with record \(next)")
      #expect(throws: error) { try Spool(base + "/spool") }
      // The oldest one may be gone: it may have been discarded.
      try FileManager.default.removeItem(atPath: base + "/spool/" + files[0])
      #expect(try Spool(base + "/spool").first == next)
    }
  }

  @Test func anotherRunIsNamed() throws {
    try withTemporaryDirectory { base in
      try Spool(base + "/spool").appendNext()
      let path = base + "/spool/" + SpoolFormat.fileName(first: 1)
      let error = #expect(throws: SpoolError.self) { try Spool(base + "/spool", run: "r-2") }
      #expect(error?.description == "\(path): expected the spool of run r-2, found r-1")
    }
  }

  @Test func anotherVersionIsNamed() throws {
    try withTemporaryDirectory { base in
      try Spool(base + "/spool").appendNext()
      let path = base + "/spool/" + SpoolFormat.fileName(first: 1)
      var bytes = try contents(path)
      bytes[4] = 1
      try write(bytes, path)
      let error = #expect(throws: SpoolError.self) { try Spool(base + "/spool") }
      #expect(error?.description == "\(path): expected version 2 of the spool's format, found 1")
    }
  }

  @Test func aHeaderForAnotherNameIsRefused() throws {
    try withTemporaryDirectory { base in
      try Spool(base + "/spool").appendNext()
      let (path, other) = (SpoolFormat.fileName(first: 1), SpoolFormat.fileName(first: 2))
      try FileManager.default.moveItem(atPath: base + "/spool/" + path, toPath: base + "/spool/" + other)
      let error = SpoolError.damaged(
        path: base + "/spool/" + other, expected: "2 as the first record's number", actual: "1")
      #expect(throws: error) { try Spool(base + "/spool") }
    }
  }

  @Test func foreignFilesAreRefusedAndTemporaryOnesIgnored() throws {
    try withTemporaryDirectory { base in
      try Spool(base + "/spool").appendNext()
      try write([1], AtomicFile.temporaryPath(in: base + "/spool", for: SpoolFormat.fileName(first: 5)))
      #expect(try Spool(base + "/spool").next == 2)
      for name in ["notes.txt", "1.spool", ".hidden", "a\nb"] {
        try write([1], base + "/spool/" + name)
        let error = #expect(throws: SpoolError.unexpectedFile(directory: base + "/spool", name: name)) {
          try Spool(base + "/spool")
        }
        #expect(error?.description.contains("\n") == false)
        try FileManager.default.removeItem(atPath: base + "/spool/" + name)
      }
      // A pipe would keep whoever opens it waiting, a directory cannot be read.
      let path = base + "/spool/" + SpoolFormat.fileName(first: 2)
      let error = SpoolError.damaged(path: path, expected: "a regular file", actual: "none")
      mkfifo(path, 0o666)
      #expect(throws: error) { try Spool(base + "/spool") }
      unlink(path)
      mkdir(path, 0o777)
      #expect(throws: error) { try Spool(base + "/spool") }
      rmdir(path)
      #expect(try Spool(base + "/spool").next == 2)
    }
  }

  @Test func aFileInPlaceOfTheDirectoryIsRefused() throws {
    try withTemporaryDirectory { base in
      try write([], base + "/spool")
      let error = SpoolError.cannotRead(path: base + "/spool", operation: "opendir", errorNumber: ENOTDIR)
      #expect(throws: error) { try Spool(base + "/spool") }
      #expect(error.description == "cannot read the spool: opendir \(base)/spool: Not a directory")
    }
  }

  @Test func whatChangesWhileItIsOpenIsNoticed() throws {
    try withTemporaryDirectory { base in
      let spool = try Spool(base + "/spool")
      try spool.append(kind: 1, [1, 2, 3])
      let path = base + "/spool/" + SpoolFormat.fileName(first: 1)
      var bytes = try contents(path)
      bytes[102] = 9
      let handle = try #require(FileHandle(forUpdatingAtPath: path))
      try handle.write(contentsOf: bytes)
      #expect(throws: SpoolError.self) { try spool.record(1) }
      try handle.truncate(atOffset: 103)
      let short = SpoolError.damaged(path: path, expected: "104 bytes at least, as before", actual: "103")
      #expect(throws: short) { try spool.record(1) }
    }
  }

  @Test func aFailingReadIsTold() throws {
    try withTemporaryDirectory { base in
      var operations = FileOperations.unflushed
      let isFailing = Guarded(false)
      operations.read = { descriptor, bytes, count, offset in
        if isFailing.withLock({ $0 }) {
          errno = EIO
          return -1
        }
        // Short reads go on.
        return FileOperations.live.read(descriptor, bytes, min(count, 2), offset)
      }
      try Spool(base + "/spool").appendNext(3)
      let spool = try Spool(base + "/spool", operations: operations)
      try spool.expectRecords()
      isFailing.withLock { $0 = true }
      let path = base + "/spool/" + SpoolFormat.fileName(first: 1)
      let error = SpoolError.cannotRead(path: path, operation: "read", errorNumber: EIO)
      #expect(throws: error) { try spool.record(1) }
      #expect(throws: error) { try Spool(base + "/spool", operations: operations) }
    }
  }
}

/// Numbers that a seed repeats.
private struct Generator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return (state >> 32 | state << 32) &* 0x9e37_79b9_7f4a_7c15
  }
}
