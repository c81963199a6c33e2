import Foundation
import TestSupport

@testable import Platform

/// The files that a process writes, with what of them would be on the device if the machine lost its power now: of a
/// file, what was there when it was last flushed; of a directory, the names that it had then.
///
/// It is the least that POSIX promises: a file system may do more, as one with a journal that keeps the order of
/// changes. Files are appended to and cut off, never overwritten, which is all that the programs do. What was there
/// before counts as flushed. Nothing is flushed in truth.
final class UnflushedDisk: Sendable {
  private struct File {
    var path: String
    /// The bytes from the beginning that are on the device.
    var flushed: Int
    /// Those behind them that are on the device, too, but are cut off since.
    var cutOff: [UInt8] = []
  }

  /// A change of a directory that is not on the device.
  private enum Change {
    case made(String)
    case madeDirectory(String)
    /// The file that had the name before has another one.
    case renamed(String, to: String, replaced: String?)
    case removed(String, kept: String)
  }

  private struct State {
    var files: [ino_t: File] = [:]
    var changes: [(directory: ino_t, change: Change)] = []
    var kept = 0
  }

  private let stash: String
  private let state = Guarded(State())

  /// - Parameter stash: an empty directory of the same file system, for files that have lost their names.
  init(stash: String) { self.stash = stash }

  /// Under a lock: what a call does, and what is known of it, belong together.
  var operations: FileOperations {
    let live = FileOperations.live
    var operations = live
    operations.open = { path, flags, mode in
      self.state.withLock { state in
        let isNew = flags & O_CREAT != 0 && Self.status(path) == nil
        let descriptor = live.open(path, flags, mode)
        guard descriptor >= 0, flags & O_DIRECTORY == 0, let status = Self.status(descriptor) else { return descriptor }
        if isNew { Self.note(.made(path), of: path, &state) }
        if isNew || state.files[status.st_ino] == nil {
          state.files[status.st_ino] = File(path: path, flushed: isNew ? 0 : Int(status.st_size))
        }
        return descriptor
      }
    }
    operations.synchronize = { descriptor in
      self.state.withLock { state in
        guard let status = Self.status(descriptor) else { return -1 }
        state.files[status.st_ino]?.flushed = Int(status.st_size)
        state.files[status.st_ino]?.cutOff = []
        state.changes.removeAll { $0.directory == status.st_ino }
        return 0
      }
    }
    operations.truncate = { descriptor, length in
      self.state.withLock { state in
        guard let status = Self.status(descriptor) else { return -1 }
        if var file = state.files[status.st_ino], length < file.flushed {
          var bytes = [UInt8](repeating: 0, count: file.flushed - length)
          _ = pread(descriptor, &bytes, bytes.count, off_t(length))
          (file.flushed, file.cutOff) = (length, bytes + file.cutOff)
          state.files[status.st_ino] = file
        }
        return live.truncate(descriptor, length)
      }
    }
    operations.rename = { from, to in
      self.state.withLock { state in
        let replaced = Self.status(to) == nil ? nil : self.keep(to, &state)
        let result = live.rename(from, to)
        guard result == 0 else { return result }
        Self.note(.renamed(from, to: to, replaced: replaced), of: to, &state)
        Self.moved(to, &state)
        return result
      }
    }
    operations.unlink = { path in
      self.state.withLock { state in
        guard Self.status(path) != nil else { return live.unlink(path) }
        let kept = self.keep(path, &state)
        Self.note(.removed(path, kept: kept), of: path, &state)
        return live.unlink(path)
      }
    }
    operations.makeDirectory = { path, mode in
      self.state.withLock { state in
        let result = live.makeDirectory(path, mode)
        if result == 0 { Self.note(.madeDirectory(path), of: path, &state) }
        return result
      }
    }
    return operations
  }

  // MARK: After the end

  /// The power is lost, and nothing stays that was not flushed.
  func loseUnflushed() throws {
    try state.withLock { state in
      for (_, change) in state.changes.reversed() { try undo(change, &state) }
      for file in state.files.values where Self.status(file.path) != nil {
        let bytes = try contents(file.path)
        guard bytes.count != file.flushed || !file.cutOff.isEmpty else { continue }
        try Data(bytes.prefix(file.flushed) + file.cutOff).write(to: URL(filePath: file.path))
      }
    }
  }

  /// The power is lost: names stay, and of each file half of what was not flushed.
  ///
  /// - Parameter zeros: whether the file is as long as it was, with zeros.
  func tearUnflushed(withZeros zeros: Bool) throws {
    try state.withLock { state in
      for file in state.files.values where Self.status(file.path) != nil {
        let bytes = try contents(file.path)
        guard bytes.count > file.flushed else { continue }
        let kept = bytes.prefix(file.flushed + (bytes.count - file.flushed) / 2)
        let rest = [UInt8](repeating: 0, count: zeros ? bytes.count - kept.count : 0)
        try Data(kept + rest).write(to: URL(filePath: file.path))
      }
    }
  }

  private func undo(_ change: Change, _ state: inout State) throws {
    let manager = FileManager.default
    switch change {
    case .made(let path), .madeDirectory(let path): try manager.removeItem(atPath: path)
    case .renamed(let path, let new, let replaced):
      try manager.moveItem(atPath: new, toPath: path)
      Self.moved(path, &state)
      if let replaced {
        try manager.moveItem(atPath: replaced, toPath: new)
        Self.moved(new, &state)
      }
    case .removed(let path, let kept):
      try manager.moveItem(atPath: kept, toPath: path)
      Self.moved(path, &state)
    }
  }

  // MARK: What is known

  /// Gives a file a further name, so that it outlives the loss of the one it has.
  private func keep(_ path: String, _ state: inout State) -> String {
    state.kept += 1
    let kept = "\(stash)/\(state.kept)"
    link(path, kept)
    Self.moved(kept, &state)
    return kept
  }

  private static func moved(_ path: String, _ state: inout State) {
    if let status = status(path) { state.files[status.st_ino]?.path = path }
  }

  private static func note(_ change: Change, of path: String, _ state: inout State) {
    let directory = AtomicFile.split(path).directory
    if let status = status(directory) { state.changes.append((status.st_ino, change)) }
  }

  private static func status(_ path: String) -> stat? {
    var status = stat()
    return lstat(path, &status) == 0 ? status : nil
  }

  private static func status(_ descriptor: Int32) -> stat? {
    var status = stat()
    return fstat(descriptor, &status) == 0 ? status : nil
  }
}
