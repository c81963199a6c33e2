import Platform

/// The image files of a folder, each with its class, in the order in which they are trained on.
package struct FolderListing: Sendable {
  struct File: Sendable, Equatable {
    /// Below the listing's root.
    let path: String
    let label: UInt16
    let size: Int
    let modifiedSeconds: Int
    let modifiedNanoseconds: Int

    /// The last component, by which files are put into their order.
    var name: Substring {
      path.utf8.lastIndex(of: UInt8(ascii: "/")).map { path[path.index(after: $0)...] } ?? path[...]
    }
  }

  let root: String
  /// How training and testing were told apart, where it can be asked for.
  var partition = ""
  var classNames: [String]
  var train: [File] = []
  var test: [File] = []
  /// Paths and reasons of what cannot be a file of images.
  var unreadable: [Unreadable] = []
  /// How many files of other kinds were passed over.
  var otherFiles = 0

  /// A file that cannot be used, and why.
  package struct Unreadable: Codable, Equatable, Sendable, CustomStringConvertible {
    package let path: String
    package let reason: String

    package var description: String { "\(path): \(reason)" }
  }

  /// Files in the order of their names, and of their paths where names are equal: as good as mixed where classes share
  /// names such as 0001.png, and independent of the folders' order on the disk.
  mutating func sort() {
    func order(_ files: inout [File]) {
      files.sort { one, other in
        one.name == other.name
          ? one.path.utf8.lexicographicallyPrecedes(other.path.utf8)
          : one.name.utf8.lexicographicallyPrecedes(other.name.utf8)
      }
    }
    order(&train)
    order(&test)
    unreadable.sort { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
  }

  /// What tells whether anything has changed: all paths, labels, sizes and times, as a CRC-32C.
  var fingerprint: UInt32 {
    var checksum: UInt32 = 0
    for (part, files) in [("train", train), ("test", test)] {
      for file in files {
        let time = "\(file.modifiedSeconds).\(file.modifiedNanoseconds)"
        let line = "\(part)/\(file.path)\0\(file.label) \(file.size) \(time)\n"
        checksum = CRC32C.checksum(line, continuing: checksum)
      }
    }
    for name in classNames { checksum = CRC32C.checksum(name + "\n", continuing: checksum) }
    return checksum
  }
}

/// What is in a directory, links followed.
struct DirectoryEntry {
  enum Kind {
    case directory
    case file(size: Int, modified: timespec)
    /// A device, a pipe, a socket.
    case other
    /// It cannot be examined; `code` is errno.
    case broken(code: Int32)
  }

  let name: String
  let kind: Kind
  /// Device and inode, which tell a circle of links.
  let identity: [UInt64]

  /// The entries of a directory but for hidden ones, by name.
  ///
  /// - Parameter foreign: told the names that are no UTF-8, repaired.
  /// - Throws: `DatasetError.directoryNotReadable`.
  static func list(_ path: String, foreign: (String) -> Void) throws(DatasetError) -> [DirectoryEntry] {
    let names: [(name: String, isText: Bool)]
    do { names = try DirectoryNames.found(path) } catch {
      throw .directoryNotReadable(path: path, code: error.errnoCode)
    }
    var entries: [DirectoryEntry] = []
    for (name, isText) in names where !name.hasPrefix(".") {
      guard isText else {
        foreign(name)
        continue
      }
      var status = stat()
      if stat("\(path)/\(name)", &status) != 0 {
        entries.append(DirectoryEntry(name: name, kind: .broken(code: errno), identity: []))
        continue
      }
      let kind: Kind =
        switch status.st_mode & S_IFMT {
        case S_IFDIR: .directory
        case S_IFREG: .file(size: Int(status.st_size), modified: status.st_mtim)
        default: .other
        }
      entries.append(
        DirectoryEntry(name: name, kind: kind, identity: [UInt64(status.st_dev), UInt64(status.st_ino)]))
    }
    return entries.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
  }

  /// Whether there are folders in a directory; not if it cannot be read.
  static func hasFolders(_ path: String) -> Bool {
    let entries = try? list(path) { _ in }
    return entries?.contains { if case .directory = $0.kind { true } else { false } } ?? false
  }
}
