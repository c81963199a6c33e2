/// What is in a directory.
package enum DirectoryNames {
  /// All names but "." and "..", in no order; what is no UTF-8 is repaired.
  ///
  /// - Throws: `SystemError`.
  package static func list(_ path: String) throws(SystemError) -> [String] {
    guard let stream = opendir(path) else { throw SystemError(operation: "opendir", errnoCode: errno) }
    defer { closedir(stream) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        let errorNumber = errno
        if errorNumber != 0 { throw SystemError(operation: "readdir", errnoCode: errorNumber) }
        return names
      }
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if name != ".", name != ".." { names.append(name) }
    }
  }
}
