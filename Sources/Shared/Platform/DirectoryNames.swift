/// What is in a directory.
package enum DirectoryNames {
  /// All names but "." and "..", in no order; what is no UTF-8 is repaired.
  ///
  /// - Throws: `SystemError`.
  package static func list(_ path: String) throws(SystemError) -> [String] { try found(path).map(\.name) }

  /// The same, with whether each is as it stands there, and was not repaired.
  ///
  /// - Throws: `SystemError`.
  package static func found(_ path: String) throws(SystemError) -> [(name: String, isText: Bool)] {
    guard let stream = opendir(path) else { throw SystemError(operation: "opendir", errnoCode: errno) }
    defer { closedir(stream) }
    var names: [(name: String, isText: Bool)] = []
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        let errorNumber = errno
        if errorNumber != 0 { throw SystemError(operation: "readdir", errnoCode: errorNumber) }
        return names
      }
      let (name, isText) = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        let text = bytes.prefix { $0 != 0 }
        return (String(decoding: text, as: UTF8.self), String(validating: text, as: UTF8.self) != nil)
      }
      if name != ".", name != ".." { names.append((name, isText)) }
    }
  }
}
