import Foundation
import Testing

@testable import Platform

@Suite struct PeakMemoryTests {
  @Test func peakMemory() throws {
    #expect(PeakMemory.bytes(inStatus: "Name:\tx\nVmHWM:\t    1234 kB\nVmRSS:\t 1 kB\n") == 1_263_616)
    for status in ["", "VmHWM:", "VmHWM:\tmany kB", "VmHWM:\t-1 kB", "VmHWM:\t1 MB", "VmHWM:\t\(Int.max) kB"] {
      #expect(PeakMemory.bytes(inStatus: status) == nil)
    }
    let before = try #require(PeakMemory.bytes())
    #expect(before > 1_000_000)
    let block = UnsafeMutableRawPointer.allocate(byteCount: 64_000_000, alignment: 64)
    defer { block.deallocate() }
    memset(block, 1, 64_000_000)
    #expect(block.load(fromByteOffset: 63_999_999, as: UInt8.self) == 1)
    // Another test may reset it, but not below what is resident.
    #expect(try #require(PeakMemory.bytes()) >= 64_000_000)
  }
}
