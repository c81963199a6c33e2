import CommandLineSupport
import RunFiles
import Terminal

/// Rows of figures: a table for people, or one JSON object a line.
struct Report {
  /// One figure or word under a key; `text` is what the table shows.
  enum Value: Encodable {
    case word(String)
    case number(Double, digits: Int)

    var text: String {
      switch self {
      case .word(let word): word
      case .number(let number, let digits): Formatting.fixed(number, decimals: digits)
      }
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .word(let word): try container.encode(word)
      case .number(let number, _): try container.encode(number)
      }
    }
  }

  let title: String
  private let json: Bool
  private let columns: [(key: String, header: String)]
  private var rows: [[Value]] = []

  /// - Parameter columns: a key for JSON and a header for the table each.
  init(_ title: String, json: Bool, columns: [(key: String, header: String)]) {
    self.title = title
    self.json = json
    self.columns = columns
  }

  /// Adds a row; with JSON it is printed at once.
  mutating func append(_ row: [Value]) throws {
    precondition(row.count == columns.count, "\(row.count) values for \(columns.count) columns")
    if json {
      var object = Dictionary(uniqueKeysWithValues: zip(columns.map(\.key), row))
      object["benchmark"] = .word(title)
      try Program.printLine(RunJSON.line(object))
    } else {
      rows.append(row)
    }
  }

  /// Prints the table, if it is one.
  func finish() throws {
    guard !json else { return }
    let first = rows.first ?? []
    var table = TextTable(
      zip(columns, first).map { column, value in
        if case .word = value { return TextTable.Column(column.header) }
        return TextTable.Column(column.header, .right)
      })
    for row in rows { table.append(row.map(\.text)) }
    try Program.printLine("\(title)\n\(table.rendered())")
  }
}
