/// The exit codes for the help text.
package enum ExitCodes {
  /// A heading and a line for each code; longer explanations go on below their beginning, within 79 columns: the parser
  /// breaks lines of 80.
  package static let help = "EXIT CODES:\n" + RunExit.allCases.map(entry).joined(separator: "\n")

  private static let width = 79
  private static let indentation = 7

  private static func entry(_ exit: RunExit) -> String {
    let code = String(exit.rawValue)
    var lines = [String(repeating: " ", count: indentation - 2 - code.count) + code + " "]
    for word in exit.documentation.split(separator: " ") {
      if lines[lines.count - 1].count + 1 + word.count > width {
        lines.append(String(repeating: " ", count: indentation - 1))
      }
      lines[lines.count - 1] += " " + word
    }
    return lines.joined(separator: "\n")
  }
}
