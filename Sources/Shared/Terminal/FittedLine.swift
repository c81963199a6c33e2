/// A line of parts that give way, in a given order, until it fits into a terminal.
struct FittedLine {
  enum Part { case what, bar, share, count, speed, timeLeft, losses, accuracy, sent }

  private var parts: [(part: Part, forms: [String])] = []
  /// How full the bar is, in `[0, 1]`.
  private var fraction = 0.0

  /// The bar's cells at least, before it shrinks, and at most.
  private static let cells = (least: 4, normal: 8, most: 30)

  /// Adds a part behind the others, unless it has no form.
  ///
  /// - Parameter forms: the same in fewer and fewer columns. Each time the part gives way, it loses the first one, but
  ///   never the last one, which is empty if the part can be left out.
  mutating func add(_ part: Part, _ forms: [String]) { if !forms.isEmpty { parts.append((part, forms)) } }

  /// Adds a bar, which takes the room that is left in the end.
  mutating func addBar(_ fraction: Double) {
    self.fraction = fraction
    add(.bar, [bar(Self.cells.normal), bar(Self.cells.least), ""])
  }

  /// - Parameters:
  ///   - width: columns of the terminal; the text has fewer, so that the cursor stays on the line.
  ///   - order: what gives way, first to last; where that is not enough, the end is cut off.
  /// - Returns: the text, without control sequences.
  func text(width: Int, givingWay order: [Part]) -> String {
    let room = max(0, width - 1)
    var line = self
    for part in order where line.text.count > room { line.shorten(part) }
    line.widenBar(to: room)
    return String(line.text.prefix(room))
  }

  /// Without a bar, for a file or a pipe.
  var plain: String { Self.joined(parts.filter { $0.part != .bar }.map { $0.forms[0] }) }

  private var text: String { Self.joined(parts.map { $0.forms[0] }) }

  private static func joined(_ texts: [String]) -> String { texts.filter { !$0.isEmpty }.joined(separator: "  ") }

  private mutating func shorten(_ part: Part) {
    guard let index = parts.firstIndex(where: { $0.part == part }), parts[index].forms.count > 1 else { return }
    parts[index].forms.removeFirst()
  }

  private mutating func widenBar(to room: Int) {
    guard let index = parts.firstIndex(where: { $0.part == .bar && $0.forms[0] != "" }) else { return }
    let cells = parts[index].forms[0].count - 2
    parts[index].forms = [bar(max(cells, min(Self.cells.most, cells + room - text.count)))]
  }

  private func bar(_ cells: Int) -> String {
    let filled = Int((fraction * Double(cells)).rounded(.down))
    return "[" + String(repeating: "#", count: filled) + String(repeating: "-", count: cells - filled) + "]"
  }
}
