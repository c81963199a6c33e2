import Platform

extension Socket {
  /// `SIOCOUTQNSD`: bytes that the kernel has not sent even once. (This module of the C library lacks it.)
  private static let unsentRequest: UInt = 0x894B

  package var bytesInFlight: Int {
    var (unacknowledged, unsent): (Int32, Int32) = (0, 0)
    let isKnown = try? descriptor.use {
      ioctl($0, UInt(TIOCOUTQ), &unacknowledged) == 0 && ioctl($0, Self.unsentRequest, &unsent) == 0
    }
    return isKnown == true ? Int(max(0, unacknowledged - unsent)) : 0
  }
}
