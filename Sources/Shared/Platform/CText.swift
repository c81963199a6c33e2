/// Text that C functions have written into a buffer.
package enum CText {
  /// What is before the first zero, or all of it.
  package static func string(_ characters: [CChar]) -> String {
    String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
