import Foundation
import TestSupport
import Testing

@testable import Platform
@testable import RunFiles
@testable import Transport

/// Crashes in every call that changes files.
@Suite struct SpoolCrashTests {
  /// A crash may break any record that was not flushed, and not those after it. What can be made once more is cut off
  /// then; what cannot is an error.
  @Test func brokenRecordsThatCanBeRenewed() throws {
    try withTemporaryDirectory { base in
      let snapshot = try Snapshot.twoSegments(base + "/spool")
      let name = snapshot.fileNames[1]
      let bytes = snapshot.files[name] ?? []
      // Behind the header: records 6 to 8.
      let end7 = 84 + 2 * 17 + Spool.content(6).payload.count + Spool.content(7).payload.count
      for offset in 84..<end7 {
        var altered = snapshot
        altered.files[name]?[offset] ^= 0x10
        let broken: UInt64 = offset < 84 + 17 + Spool.content(6).payload.count ? 6 : 7
        try altered.restore(to: base + "/spool")
        #expect(throws: SpoolError.self, "byte \(offset)") {
          try Spool(base + "/spool", segmentBytes: 1 << 20, renewable: broken + 1)
        }
        let spool = try Spool(base + "/spool", segmentBytes: 1 << 20, renewable: broken)
        #expect(spool.next == broken, "byte \(offset)")
        try spool.appendNext(2)
        try spool.expectRecords()
      }
      #expect(bytes.count > end7)
    }
  }

  enum Crash: CaseIterable {
    /// One call fails, and the program goes on.
    case call
    /// The program dies in a call.
    case program
    /// The machine dies in a call: what was not flushed is gone, or is zeros.
    case machine, machineLeavingZeros
    /// One call fails, and later the machine dies.
    case callThenMachine
  }

  /// Appends, flushes and discards with a system that may fail in a call.
  ///
  /// - Returns: the last record that was said to be on the device, that was discarded, and that was appended.
  private func work(_ directory: String, _ operations: FileOperations) -> (
    flushed: UInt64, discarded: UInt64, made: UInt64
  ) {
    var (flushed, discarded) = (0 as UInt64, 0 as UInt64)
    guard let spool = try? Spool(directory, operations: operations) else { return (0, 0, 0) }
    for round in 0..<5 {
      for _ in 0..<3 { try? spool.appendNext() }
      let made = spool.next - 1
      if (try? spool.synchronize()) != nil { flushed = made }
      if round == 1 || round == 4 {
        discarded = max(discarded, made - min(made, 2))
        try? spool.discard(through: discarded)
      } else if round == 3 {
        discarded = made
        try? spool.discard(through: made)
      }
      #expect(throws: Never.self) { try spool.expectRecords() }
    }
    return (flushed, discarded, spool.next - 1)
  }

  @Test(arguments: Crash.allCases)
  func whatWasFlushedSurvivesACrashInEveryCall(crash: Crash) throws {
    try withTemporaryDirectory { base in
      let whole = FailingSystem()
      let all = work(base + "/whole", whole.operations)
      #expect(all == (15, 13, 15) && whole.calls > 60)
      for call in 1...whole.calls {
        let directory = "\(base)/\(call)"
        let system = FailingSystem(failing: call, dies: crash != .call && crash != .callThenMachine)
        let (flushed, discarded, made) = work(directory, system.operations)
        if crash != .call && crash != .program {
          try system.cutPower(in: directory, zeros: crash == .machineLeavingZeros)
        }
        let spool = try Spool(directory)
        #expect(spool.first <= discarded + 1, "call \(call)")
        #expect(spool.next > flushed, "call \(call)")
        // A record may be complete although its call has not returned.
        #expect(spool.next <= made + 2, "call \(call)")
        try spool.expectRecords()
        try spool.appendNext(4)
        try spool.discard(through: spool.next - 3)
        let reopened = try Spool(directory)
        #expect((reopened.first, reopened.next) == (spool.first, spool.next))
        try reopened.expectRecords()
      }
    }
  }

  @Test(arguments: Crash.allCases)
  func aRestartSurvivesACrashInEveryCall(crash: Crash) throws {
    func work(_ directory: String, _ operations: FileOperations) -> UInt64 {
      guard let spool = try? Spool(directory, operations: operations) else { return 0 }
      for _ in 0..<6 { try? spool.appendNext() }
      try? spool.synchronize()
      if (try? spool.restart(at: 100)) == nil { try? spool.restart(at: 100) }
      for _ in 0..<4 { try? spool.appendNext() }
      #expect(throws: Never.self) { try spool.expectRecords() }
      let made = spool.next - 1
      return (try? spool.synchronize()) == nil || spool.first == spool.next ? 0 : made
    }
    try withTemporaryDirectory { base in
      let whole = FailingSystem()
      #expect(work(base + "/whole", whole.operations) == 103 && whole.calls > 40)
      for call in 1...whole.calls {
        let directory = "\(base)/\(call)"
        let system = FailingSystem(failing: call, dies: crash != .call && crash != .callThenMachine)
        let flushed = work(directory, system.operations)
        if crash != .call && crash != .program {
          try system.cutPower(in: directory, zeros: crash == .machineLeavingZeros)
        }
        let spool = try Spool(directory)
        #expect(spool.next > flushed, "call \(call)")
        try spool.expectRecords()
        try spool.restart(at: 200)
        try spool.appendNext()
        #expect(try Spool(directory).next == 201)
      }
    }
  }

  @Test func whatIsFoundIsOnTheDevice() throws {
    try withTemporaryDirectory { base in
      let system = FailingSystem()
      try Spool(base + "/spool", operations: system.operations).appendNext(2)
      // Another run of the program does not know whether the one before has flushed it.
      _ = try Spool(base + "/spool", operations: system.operations)
      try system.cutPower(in: base + "/spool", zeros: false)
      #expect(try Spool(base + "/spool").next == 3)
    }
  }
}
