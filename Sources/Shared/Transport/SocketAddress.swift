import Platform

/// One resolved address, as the kernel takes it.
struct SocketAddress: Sendable {
  private var storage: sockaddr_storage
  private var length: socklen_t

  var family: Int32 { Int32(storage.ss_family) }

  /// All addresses of an endpoint, in the system's order of preference. Blocks while a name server is asked, however
  /// long that takes: see `Resolver`.
  ///
  /// - Parameter isNumeric: whether the host must be an address in numbers, for which nobody is asked.
  /// - Throws: `ConnectionError.cannotResolve`.
  static func resolve(_ endpoint: Endpoint, forListening: Bool, isNumeric: Bool = false) throws(ConnectionError)
    -> [SocketAddress]
  {
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    hints.ai_socktype = streamSocketType
    hints.ai_flags = AI_NUMERICSERV | (forListening ? AI_PASSIVE : 0) | (isNumeric ? AI_NUMERICHOST : 0)
    var list: UnsafeMutablePointer<addrinfo>?
    var code: Int32
    repeat {
      code = getaddrinfo(endpoint.host, String(endpoint.port), &hints, &list)
    } while code == EAI_SYSTEM && errno == EINTR
    guard code == 0 else { throw .cannotResolve(host: endpoint.host, reason: String(cString: gai_strerror(code))) }
    defer { freeaddrinfo(list) }
    var addresses: [SocketAddress] = []
    var next = list
    while let entry = next {
      if let pointer = entry.pointee.ai_addr {
        addresses.append(SocketAddress(copying: pointer, length: entry.pointee.ai_addrlen))
      }
      next = entry.pointee.ai_next
    }
    guard !addresses.isEmpty else { throw .cannotResolve(host: endpoint.host, reason: "the name has no address") }
    return addresses
  }

  private init(copying pointer: UnsafePointer<sockaddr>, length: socklen_t) {
    storage = sockaddr_storage()
    self.length = min(length, socklen_t(MemoryLayout<sockaddr_storage>.size))
    withUnsafeMutableBytes(of: &storage) { bytes in
      bytes.copyMemory(from: UnsafeRawBufferPointer(start: pointer, count: Int(self.length)))
    }
  }

  /// Asks the kernel for a socket's own or its peer's address.
  ///
  /// - Parameters:
  ///   - operation: the call's name, for the error.
  ///   - descriptor: the socket.
  ///   - query: `getsockname` or `getpeername`.
  /// - Throws: `SystemError`.
  init(
    _ operation: String, of descriptor: Int32,
    _ query: (Int32, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
  ) throws(SystemError) {
    storage = sockaddr_storage()
    length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    var storage = sockaddr_storage()
    var length = self.length
    try SystemCall.run(operation) {
      withUnsafeMutablePointer(to: &storage) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { query(descriptor, $0, &length) }
      }
    }
    self.storage = storage
    self.length = length
  }

  func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    withUnsafePointer(to: storage) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) } }
  }

  /// The address in numbers; `nil` for a socket that has none (a socket pair).
  var endpoint: Endpoint? {
    guard family == AF_INET || family == AF_INET6 else { return nil }
    var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
    var service = [CChar](repeating: 0, count: Int(NI_MAXSERV))
    let code = withPointer { pointer, length in
      getnameinfo(
        pointer, length, &host, socklen_t(host.count), &service, socklen_t(service.count),
        NI_NUMERICHOST | NI_NUMERICSERV)
    }
    guard code == 0, let port = UInt16(CText.string(service)) else { return nil }
    var name = CText.string(host)
    // An IPv4 address in disguise, as a socket for both has it.
    if name.hasPrefix("::ffff:"), name.contains(".") { name.removeFirst("::ffff:".count) }
    return Endpoint(host: name, port: port)
  }

  /// `SOCK_STREAM`, whose type differs between the platforms.
  static var streamSocketType: Int32 { Int32(SOCK_STREAM.rawValue) }
}
