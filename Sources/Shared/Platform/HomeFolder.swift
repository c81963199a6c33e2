/// Where a user's own files are.
package enum HomeFolder {
  /// The value of `HOME`; where it is not set, the folder of the user database.
  ///
  /// The root is nobody's home: container engines set it for users that the database does not know.
  ///
  /// - Returns: nil if there is none.
  package static func path() -> String? {
    path(variable: getenv("HOME").map { String(cString: $0) }, database: ofDatabase)
  }

  /// Where files of one kind are, as the XDG Base Directory Specification has it.
  ///
  /// - Parameters:
  ///   - variable: whose value is the place; what is not absolute does not count.
  ///   - folder: below the home, if the variable is not set.
  /// - Returns: nil if there is no home either.
  package static func base(_ variable: String, otherwise folder: String) -> String? {
    if let base = getenv(variable).map({ String(cString: $0) }), base.hasPrefix("/") { return base }
    return path().map { "\($0)/\(folder)" }
  }

  static func path(variable: String?, database: () -> String?) -> String? {
    if let variable, !isNone(variable) { return variable }
    // Users without a home have one there that does not exist.
    guard let folder = database(), !isNone(folder) else { return nil }
    var status = stat()
    return stat(folder, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR ? folder : nil
  }

  private static func isNone(_ folder: String) -> Bool { folder.allSatisfy { $0 == "/" } }

  private static func ofDatabase() -> String? { getpwuid(getuid()).map { String(cString: $0.pointee.pw_dir) } }
}
