/// A thread of the operating system. Join or detach it once, from one thread, before it is forgotten.
package final class Thread: Sendable {
  private let handle: pthread_t

  private final class Body {
    let run: () -> Void
    init(_ run: @escaping () -> Void) { self.run = run }
  }

  /// Starts `body` at once.
  ///
  /// - Throws: `ThreadError` if the system gives no further thread.
  package init(_ body: @escaping () -> Void) throws(ThreadError) {
    var handle = pthread_t()
    let argument = Unmanaged.passRetained(Body(body))
    let code = pthread_create(
      &handle, nil,
      { argument in
        // The pointer is optional on some systems; it is never nil.
        let argument: UnsafeMutableRawPointer? = argument
        if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
        return nil
      }, argument.toOpaque())
    guard code == 0 else {
      argument.release()
      throw ThreadError(errnoCode: code)
    }
    self.handle = handle
  }

  /// Waits until the thread has ended.
  package func join() { pthread_join(handle, nil) }

  /// Gives it up: it ends when it likes, and nobody waits for it.
  package func detach() { pthread_detach(handle) }
}

/// The system gives this process, or its user, no further thread.
package struct ThreadError: Error, Equatable, CustomStringConvertible {
  /// What pthread_create returned.
  package let errnoCode: Int32

  init(errnoCode: Int32) { self.errnoCode = errnoCode }

  package var description: String {
    """
    the system gives no further thread: \(SystemError.text(of: errnoCode)); take fewer --threads, or raise the limit \
    (ulimit -u, pids.max)
    """
  }
}
