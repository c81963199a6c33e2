import Testing

@testable import Platform

@Suite struct SystemCallTests {
  @Test func descriptorsThatAreLeft() throws {
    try SystemCall.requireDescriptors(1)
    let error = #expect(throws: SystemError.self) { try SystemCall.requireDescriptors(.max) }
    #expect(error?.errnoCode == EMFILE)
    #expect(error?.isShortage == true)
  }

  @Test func shortages() {
    for code in [EMFILE, ENFILE, ENOBUFS, ENOMEM] { #expect(SystemError(operation: "x", errnoCode: code).isShortage) }
    for code in [EBADF, EAGAIN, ENOSPC] { #expect(!SystemError(operation: "x", errnoCode: code).isShortage) }
  }

  /// A thread that is given up goes on.
  @Test func detachedThread() throws {
    let state = Guarded((isReleased: false, isOver: false))
    let thread = try Thread {
      state.wait { $0.isReleased ? () : nil }
      state.change { $0.isOver = true }
    }
    thread.detach()
    state.change { $0.isReleased = true }
    state.wait { $0.isOver ? () : nil }
  }
}
