import COpenSSL
import Platform

/// A call to OpenSSL that failed.
package struct OpenSSLError: Error, Equatable, CustomStringConvertible {
  /// What was tried, such as "read a certificate".
  let operation: String
  /// OpenSSL's number of what was wrong; of an alert of the peer, one of `alerts`.
  let code: Int32
  /// OpenSSL's words for it.
  let reason: String

  /// OpenSSL's numbers of alerts: a thousand more than TLS has.
  private static let alerts: ClosedRange<Int32> = 1000...1255

  private static let systemFlag: UInt = 1 << 31

  package var description: String { "cannot \(operation): \(reason)" }

  /// The alert of TLS that the peer has sent, if it was that.
  var alert: Int32? { Self.alerts.contains(code) ? code - Self.alerts.lowerBound : nil }

  /// What this thread's last call has left behind, which is forgotten.
  static func last(_ operation: String) -> OpenSSLError {
    // The last one in the queue is the outermost, and says the least.
    let error = ERR_get_error()
    ERR_clear_error()
    let code = ERR_GET_REASON(error)
    // What the system has said, the macro ERR_SYSTEM_ERROR.
    if error & systemFlag != 0 {
      return OpenSSLError(operation: operation, code: 0, reason: SystemError.text(of: Int32(error & (systemFlag - 1))))
    }
    var reason = ERR_reason_error_string(error).map { String(cString: $0) } ?? "OpenSSL does not say why"
    // "sslv3 alert certificate expired": older versions have nothing to do with it.
    if alerts.contains(code), let words = reason.firstRange(of: " alert ") {
      reason = String(reason[words.upperBound...])
    }
    return OpenSSLError(operation: operation, code: code, reason: reason)
  }

  /// - Throws: itself if `result` is none.
  static func check<Object>(_ operation: String, _ result: Object?) throws(OpenSSLError) -> Object {
    guard let result else { throw last(operation) }
    return result
  }

  /// - Throws: itself if `result` is not 1.
  static func check(_ operation: String, _ result: Int32) throws(OpenSSLError) {
    guard result == 1 else { throw last(operation) }
  }
}

/// The library that encrypts.
package enum OpenSSLLibrary {
  /// "3.0.17".
  package static var version: String { String(cString: OpenSSL_version(OPENSSL_VERSION_STRING)) }
}
