/// How this machine is called, by itself and in its networks.
package enum NetworkAddresses {
  /// Its first IPv4 address that is not loopback, in numbers; nil if it has none.
  package static func first() -> String? {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&list) == 0 else { return nil }
    defer { freeifaddrs(list) }
    var next = list
    while let entry = next?.pointee {
      next = entry.ifa_next
      let flags = Int(entry.ifa_flags)
      guard let address = entry.ifa_addr, Int32(address.pointee.sa_family) == AF_INET,
        flags & IFF_UP != 0, flags & IFF_LOOPBACK == 0
      else { continue }
      var text = [CChar](repeating: 0, count: Int(INET_ADDRSTRLEN))
      let isConverted = address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
        inet_ntop(AF_INET, &$0.pointee.sin_addr, &text, socklen_t(text.count)) != nil
      }
      if isConverted { return CText.string(text) }
    }
    return nil
  }

  /// Its name; "unknown" if it has none.
  package static func hostName() -> String {
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, name.count - 1) == 0 else { return "unknown" }
    return CText.string(name)
  }
}
