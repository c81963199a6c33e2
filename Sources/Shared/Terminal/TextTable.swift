/// A table of text with aligned columns, for results on standard output.
package struct TextTable: Sendable {
  package enum Alignment: Sendable {
    /// For words.
    case left
    /// For numbers.
    case right
  }

  /// A column's header and where its cells stand.
  package struct Column: Sendable {
    package let header: String
    package let alignment: Alignment

    package init(_ header: String, _ alignment: Alignment = .left) {
      self.header = header
      self.alignment = alignment
    }
  }

  private let columns: [Column]
  private var rows: [[String]] = []

  package init(_ columns: [Column]) {
    precondition(!columns.isEmpty, "a table without columns")
    self.columns = columns
  }

  /// Adds a row with a cell for each column.
  package mutating func append(_ cells: [String]) {
    precondition(cells.count == columns.count, "\(cells.count) cells for \(columns.count) columns")
    rows.append(cells)
  }

  /// Header, a line of hyphens and the rows; columns two spaces apart, no spaces at the ends of lines, a line feed
  /// after each line.
  package func rendered() -> String {
    let widths = widths
    let headers = line(columns.map(\.header), widths)
    let rule = line(widths.map { String(repeating: "-", count: $0) }, widths)
    return headers + rule + rows.map { line($0, widths) }.joined()
  }

  /// The same of a table of names and values, in at most so many columns: where it would be wider, a value stands at
  /// the end of its name's line as long as it fits there, else on lines of its own.
  ///
  /// - Parameter width: of the terminal; nil where there is none.
  package func rendered(width: Int?) -> String {
    precondition(columns.count == 2, "\(columns.count) columns instead of a name and a value")
    let widths = widths
    guard let width, width < widths[0] + Self.gap + widths[1], width > 0 else { return rendered() }
    let rule = String(repeating: "-", count: width) + "\n"
    return Self.folded(columns.map(\.header), width) + rule + rows.map { Self.folded($0, width) }.joined()
  }

  private static func folded(_ row: [String], _ width: Int) -> String {
    let (name, value) = (DisplayWidth.columns(row[0]), DisplayWidth.columns(row[1]))
    if value > 0, name + gap + value <= width { return row[0] + padding(width - name - value) + row[1] + "\n" }
    let values = value > 0 ? pieces(of: row[1], width: width) : []
    return (pieces(of: row[0], width: width) + values.map { padding(width - DisplayWidth.columns($0)) + $0 })
      .map { $0 + "\n" }.joined()
  }

  /// Between two columns.
  private static let gap = 2

  private static func padding(_ count: Int) -> String { String(repeating: " ", count: max(0, count)) }

  /// A text in pieces of so many columns at most; one of the empty text.
  private static func pieces(of text: String, width: Int) -> [String] {
    var (pieces, rest) = ([String](), text)
    repeat {
      // A character that is wider than all there is goes somewhere, too.
      let piece = DisplayWidth.prefix(rest, columns: width)
      let taken = piece.isEmpty ? rest.prefix(1) : piece
      pieces.append(String(taken))
      rest = String(rest[taken.endIndex...])
    } while !rest.isEmpty
    return pieces
  }

  /// Of each column: its widest cell.
  private var widths: [Int] {
    columns.indices.map { index in
      rows.reduce(DisplayWidth.columns(columns[index].header)) { max($0, DisplayWidth.columns($1[index])) }
    }
  }

  private func line(_ cells: [String], _ widths: [Int]) -> String {
    var text = ""
    for (index, cell) in cells.enumerated() {
      let padding = Self.padding(widths[index] - DisplayWidth.columns(cell))
      text += index > 0 ? Self.padding(Self.gap) : ""
      text += columns[index].alignment == .right ? padding + cell : cell + padding
    }
    while text.last == " " { text.removeLast() }
    return text + "\n"
  }
}
