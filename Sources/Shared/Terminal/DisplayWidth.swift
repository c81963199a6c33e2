/// How many columns of a terminal text takes: East Asian characters and emoji take two.
package enum DisplayWidth {
  /// Of a text without control characters.
  package static func columns(_ text: String) -> Int {
    // Most text is ASCII, and a byte is a column then.
    text.utf8.allSatisfy { $0 < 0x80 } ? text.utf8.count : text.reduce(0) { $0 + columns($1) }
  }

  /// As much of the beginning of a text as so many columns take.
  static func prefix(_ text: String, columns limit: Int) -> Substring {
    var (end, left) = (text.startIndex, limit)
    while end < text.endIndex {
      left -= columns(text[end])
      if left < 0 { break }
      text.formIndex(after: &end)
    }
    return text[..<end]
  }

  /// As `wcwidth` has it, which terminals go by: what joins or varies other signs takes none, whatever they do.
  private static func columns(_ character: Character) -> Int {
    character.unicodeScalars.reduce(0) { $0 + (takesNone($1) ? 0 : isWide($1) ? 2 : 1) }
  }

  /// Unicode's East Asian Width W and F.
  private static func isWide(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.value < 0x1100 || regionalIndicators.contains(scalar.value) { return false }
    return scalar.properties.isEmojiPresentation || wide.contains { $0.contains(scalar.value) }
  }

  private static let regionalIndicators: ClosedRange<UInt32> = 0x1f1e6...0x1f1ff

  private static let wide: [ClosedRange<UInt32>] = [
    0x1100...0x115f,  // Hangul syllables' beginnings
    0x2329...0x232a, 0x2e80...0x303e, 0x3041...0x3247, 0x3250...0x4dbf, 0x4e00...0xa4cf,  // CJK, kana, Yi
    0xa960...0xa97f, 0xac00...0xd7a3,  // Hangul
    0xf900...0xfaff, 0xfe10...0xfe19, 0xfe30...0xfe6f, 0xff01...0xff60, 0xffe0...0xffe6,  // forms of CJK
    0x16fe0...0x18d08, 0x1aff0...0x1b2ff,  // Tangut, Khitan, further kana
    0x1f200...0x1f265, 0x20000...0x3fffd,  // ideographs in squares, further CJK
  ]

  private static func takesNone(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.value == 0xad { return false }  // A soft hyphen is shown.
    if (0x1160...0x11ff).contains(scalar.value) { return true }  // Hangul syllables' middles and ends
    return switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: true
    default: false
    }
  }
}
