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
    let widths = columns.indices.map { index in rows.reduce(columns[index].header.count) { max($0, $1[index].count) } }
    let headers = line(columns.map(\.header), widths)
    let rule = line(widths.map { String(repeating: "-", count: $0) }, widths)
    return headers + rule + rows.map { line($0, widths) }.joined()
  }

  private func line(_ cells: [String], _ widths: [Int]) -> String {
    var text = ""
    for (index, cell) in cells.enumerated() {
      let padding = String(repeating: " ", count: widths[index] - cell.count)
      text += index > 0 ? "  " : ""
      text += columns[index].alignment == .right ? padding + cell : cell + padding
    }
    while text.last == " " { text.removeLast() }
    return text + "\n"
  }
}
