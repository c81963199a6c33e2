import Platform
import Transport

/// How many clients may be at the door at the same time, and how many may come there in a minute: in total, and of one
/// address. Of IPv6, a network of 64 bits counts as one address.
struct DoorLimits {
  enum Verdict: Equatable {
    case welcome
    /// There are too many at the door now.
    case crowded
    /// There were too many in the last minute.
    case tooOften
  }

  static let mostAtOnce = 16
  static let mostAtOnceOfAnAddress = 8
  static let mostInAMinute = 600.0
  static let mostInAMinuteOfAnAddress = 120.0
  /// Addresses that are remembered before the quiet ones are forgotten.
  private static let mostAddresses = 1024

  /// Lets a number of clients come at once, and as many in each minute.
  fileprivate struct Bucket {
    let capacity: Double
    var level: Double
    var time: UInt64

    init(_ capacity: Double, at now: UInt64) {
      self.capacity = capacity
      level = capacity
      time = now
    }

    /// - Returns: whether one more may come.
    mutating func take(at now: UInt64) -> Bool {
      level = min(capacity, level + Double(now - time) * 1e-9 * capacity / 60)
      time = now
      guard level >= 1 else { return false }
      level -= 1
      return true
    }
  }

  struct Address {
    fileprivate var bucket: Bucket
    var atOnce = 0
  }

  private var total: Bucket
  private var atOnce = 0
  private(set) var addresses: [String: Address] = [:]

  init(at now: UInt64 = MonotonicClock.nanoseconds()) { total = Bucket(Self.mostInAMinute, at: now) }

  /// A client comes.
  ///
  /// - Returns: whether it is greeted; it is to `leave` then.
  mutating func enter(_ host: String, at now: UInt64 = MonotonicClock.nanoseconds()) -> Verdict {
    let name = Self.network(of: host)
    var address = addresses[name] ?? Address(bucket: Bucket(Self.mostInAMinuteOfAnAddress, at: now))
    // What one address has too many of does not count for all.
    guard address.bucket.take(at: now) else { return .tooOften }
    // Whoever has many addresses does not fill the memory: of new ones no more are kept than come in.
    guard total.take(at: now) else { return .tooOften }
    forgetQuietOnes(at: now)
    defer { addresses[name] = address }
    guard atOnce < Self.mostAtOnce, address.atOnce < Self.mostAtOnceOfAnAddress else { return .crowded }
    atOnce += 1
    address.atOnce += 1
    return .welcome
  }

  /// One that was greeted is at the door no more.
  mutating func leave(_ host: String) {
    atOnce -= 1
    addresses[Self.network(of: host)]?.atOnce -= 1
  }

  private mutating func forgetQuietOnes(at now: UInt64) {
    guard addresses.count >= Self.mostAddresses else { return }
    // Those that have not come for a minute are as good as new.
    addresses = addresses.filter { $0.value.atOnce > 0 || now - $0.value.bucket.time < 60_000_000_000 }
  }

  /// The first half of an IPv6 address; else the address.
  static func network(of host: String) -> String {
    var address = in6_addr()
    guard inet_pton(AF_INET6, host, &address) == 1 else { return host }
    let bytes = withUnsafeBytes(of: &address) { Array($0) }
    // An IPv4 address in disguise.
    if bytes[..<10].allSatisfy({ $0 == 0 }) { return host }
    return bytes[..<8].map { String($0, radix: 16) }.joined(separator: ":")
  }
}
