import Platform

/// Paths that mean the same in every working directory.
package enum AbsolutePath {
  /// The path, behind that of the working directory if it does not begin at the root.
  package static func of(_ path: String) -> String {
    if path.hasPrefix("/") { return path }
    guard let directory = getcwd(nil, 0) else { return path }
    defer { free(directory) }
    return String(cString: directory) + "/" + path
  }
}
