import Platform

/// Bytes on their way out: a small head and a large body that is never copied, and how many of them the kernel has
/// taken.
package struct OutgoingBytes {
  let head: [UInt8]
  let body: ArraySlice<UInt8>
  package private(set) var written = 0

  package init(head: [UInt8], body: ArraySlice<UInt8>) {
    self.head = head
    self.body = body
  }

  package var count: Int { head.count + body.count }
  package var isComplete: Bool { written == count }

  package mutating func advance(by count: Int) {
    precondition(count >= 0 && count <= self.count - written)
    written += count
  }

  /// A copy of the first `limit` bytes of what is left, or of all of it.
  package func next(_ limit: Int) -> [UInt8] {
    let end = min(written + limit, count)
    let headEnd = min(end, head.count)
    let bodyStart = max(written, head.count) - head.count
    let bodyEnd = max(end, head.count) - head.count
    return Array(head[min(written, headEnd)..<headEnd])
      + body[(body.startIndex + bodyStart)..<(body.startIndex + bodyEnd)]
  }

  /// Calls `body` with what is left as one or two vectors for `sendmsg`.
  func withRemainingVectors<Result>(_ use: (UnsafeMutablePointer<iovec>, Int) throws(SystemError) -> Result)
    throws(SystemError) -> Result
  {
    let headLeft = max(head.count - written, 0)
    let bodyStart = max(written - head.count, 0)
    let outcome = head.withUnsafeBytes { head in
      self.body.withUnsafeBytes { body in
        withUnsafeTemporaryAllocation(of: iovec.self, capacity: 2) { vectors -> Swift.Result<Result, SystemError> in
          var count = 0
          if headLeft > 0, let base = head.baseAddress {
            let start = UnsafeMutableRawPointer(mutating: base + (head.count - headLeft))
            vectors.initializeElement(at: count, to: iovec(iov_base: start, iov_len: headLeft))
            count += 1
          }
          if body.count > bodyStart, let base = body.baseAddress {
            let start = UnsafeMutableRawPointer(mutating: base + bodyStart)
            vectors.initializeElement(at: count, to: iovec(iov_base: start, iov_len: body.count - bodyStart))
            count += 1
          }
          guard let first = vectors.baseAddress else { preconditionFailure("an empty allocation") }
          do throws(SystemError) { return .success(try use(first, count)) } catch { return .failure(error) }
        }
      }
    }
    return try outcome.get()
  }
}
