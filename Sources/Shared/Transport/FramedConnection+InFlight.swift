import Platform

extension FramedConnection {
  /// Bytes that are on their way and that the peer's kernel has not acknowledged yet: after a while, those that the
  /// link has lost. Bytes that the peer leaves unread are none of them. 0 if it is not known.
  package var bytesInFlight: Int { (stream as? Socket)?.bytesInFlight ?? 0 }
}

extension Socket {
  /// `SIOCOUTQNSD`: bytes that the kernel has not sent even once. (This module of the C library lacks it.)
  private static let unsentRequest: UInt = 0x894B

  var bytesInFlight: Int {
    var (unacknowledged, unsent): (Int32, Int32) = (0, 0)
    let isKnown = try? descriptor.use {
      ioctl($0, UInt(TIOCOUTQ), &unacknowledged) == 0 && ioctl($0, Self.unsentRequest, &unsent) == 0
    }
    return isKnown == true ? Int(max(0, unacknowledged - unsent)) : 0
  }
}
