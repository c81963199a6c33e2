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

  /// A character is what is shown as one: letters with their accents, emoji with what modifies them.
  private static func columns(_ character: Character) -> Int {
    let scalars = character.unicodeScalars
    if scalars.contains(where: isWide) { return 2 }
    return scalars.allSatisfy(takesNone) ? 0 : 1
  }

  /// Unicode's East Asian Width W and F, and what a variation selector makes an emoji.
  private static func isWide(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.value < 0x1100 { return false }
    return scalar.value == 0xfe0f || scalar.properties.isEmojiPresentation
      || wide.contains { $0.contains(scalar.value) }
  }

  private static let wide: [ClosedRange<UInt32>] = [
    0x1100...0x115f,  // Hangul syllables' beginnings
    0x2e80...0x303e, 0x3041...0xa4cf,  // CJK, kana, Yi
    0xa960...0xa97f, 0xac00...0xd7a3,  // Hangul
    0xf900...0xfaff, 0xfe10...0xfe19, 0xfe30...0xfe6f, 0xff01...0xff60, 0xffe0...0xffe6,  // forms of CJK
    0x16fe0...0x18cff, 0x1aff0...0x1b2ff,  // Tangut, Khitan, further kana
    0x1f200...0x1f265, 0x20000...0x3fffd,  // ideographs in squares, further CJK
  ]

  private static func takesNone(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: true
    default: false
    }
  }
}
