@preconcurrency import Glibc
import Platform
import Terminal
import Training
import Transport

/// A cloud-trainer that this program has started on a free port of 127.0.0.1, for one session. It ends with this
/// program, whatever ends that: its standard input is a pipe that nobody writes into, and whose end it takes for its
/// own.
final class LocalCloud {
  let process: pid_t
  private(set) var endpoint = Endpoint(host: "127.0.0.1", port: 0)
  private let log: Int32
  private let program: String

  /// Starts it where the calling thread may run, and waits until it listens.
  ///
  /// - Parameters:
  ///   - arguments: but for its address, and for how long it serves.
  ///   - path: where its log goes; nil for nowhere but `lastWords`.
  ///   - interruption: ends the wait.
  /// - Throws: `LocalCloudError`, `InterruptedError`, `RunDirectoryError` for the log.
  init(_ arguments: [String], log path: String?, _ interruption: Interruption) throws {
    program = try Self.find()
    log = try Self.openLog(path)
    let (input, output) = (try Self.makePipe(), try Self.makePipe())
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (descriptor, target) in [
      (input.read, STDIN_FILENO), (output.write, STDOUT_FILENO), (log, STDERR_FILENO),
    ] { posix_spawn_file_actions_adddup2(&actions, descriptor, target) }
    let words = [program, "--listen", "127.0.0.1:0", "--sessions", "1", "--end-with-parent"] + arguments
    let pointers: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { pointers.forEach { free($0) } }
    var process: pid_t = 0
    let errorNumber = posix_spawn(&process, program, &actions, nil, pointers, environ)
    close(input.read)
    close(output.write)
    guard errorNumber == 0 else { throw LocalCloudError("cannot start \(program)", errorNumber) }
    self.process = process
    // Both ends that are left stay open as long as this program runs.
    do { endpoint = try readAddress(from: output.read, interruption) } catch {
      end(patience: 0)
      throw error
    }
  }

  /// Waits for its own end for some seconds, then ends it.
  ///
  /// - Returns: whether it ended well, and by itself.
  @discardableResult
  func end(patience: Double) -> Bool {
    for (signal, seconds) in [(0, patience), (SIGTERM, 10), (SIGKILL, 60)] {
      kill(process, signal)
      for _ in 0...Int(seconds * 50) {
        var status: Int32 = 0
        if waitpid(process, &status, WNOHANG) != 0 { return status == 0 && signal == 0 }
        usleep(20_000)
      }
    }
    return false
  }

  /// The last five lines of its log.
  func lastWords() -> [String] {
    var bytes = [UInt8](repeating: 0, count: 8192)
    let count = pread(log, &bytes, bytes.count, max(0, lseek(log, 0, SEEK_END) - bytes.count))
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).split(separator: "\n").suffix(5)
      .map(String.init)
  }

  /// Seconds in which cloud-trainer has to say where it listens.
  private static let startSeconds = 30.0
  private static let greeting = "listening on "

  private func readAddress(from output: Int32, _ interruption: Interruption) throws -> Endpoint {
    let deadline = Deadline(secondsFromNow: Self.startSeconds)
    var line: [UInt8] = []
    while line.last != UInt8(ascii: "\n"), line.count < 1000 {
      if interruption.isRequested { throw InterruptedError() }
      if deadline.isOver { throw notStarted("it did not say within \(Int(Self.startSeconds)) s where it listens") }
      var entry = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
      guard poll(&entry, 1, 100) > 0 else { continue }
      var byte: UInt8 = 0
      guard read(output, &byte, 1) > 0 else {
        end(patience: 5)
        throw notStarted(lastWords().last ?? "it said nothing")
      }
      line.append(byte)
    }
    let text = String(decoding: line, as: UTF8.self)
    guard text.hasPrefix(Self.greeting),
      let endpoint = try? Endpoint(parsing: String(text.dropFirst(Self.greeting.count).dropLast()))
    else {
      let said = Formatting.singleLine(String(text.dropLast().prefix(80)))
      throw notStarted("expected \"\(Self.greeting)<address>\", it said \"\(said)\"")
    }
    return endpoint
  }

  private func notStarted(_ reason: String) -> LocalCloudError {
    LocalCloudError("\(program) did not start: \(reason)")
  }

  /// - Returns: the path of cloud-trainer: beside this program, else in PATH.
  private static func find() throws -> String {
    let own = realpath("/proc/self/exe", nil)
    defer { free(own) }
    let beside = own.map {
      String(String(cString: $0).split(separator: "/").dropLast().joined(separator: "/"))
    }
    let path = getenv("PATH").map { String(cString: $0) } ?? ""
    let directories = (beside.map { ["/" + $0] } ?? []) + path.split(separator: ":").map(String.init)
    for directory in directories where access(directory + "/cloud-trainer", X_OK) == 0 {
      return directory + "/cloud-trainer"
    }
    throw LocalCloudError(
      """
      cloud-trainer is neither beside edge-trainer (/\(beside ?? "?")) nor in PATH (\(path)); build it with \
      scripts/build.sh, or add its directory to PATH
      """)
  }

  private static func openLog(_ path: String?) throws -> Int32 {
    let descriptor =
      if let path { FileOperations.live.open(path, O_RDWR | O_CREAT | O_TRUNC, 0o666) } else {
        tmpfile().map { fcntl(fileno($0), F_DUPFD_CLOEXEC, 3) } ?? -1
      }
    guard descriptor >= 0 else {
      throw FileError(
        path: path ?? "a temporary file", operation: "open", errorNumber: errno)
    }
    return descriptor
  }

  private static func makePipe() throws -> (read: Int32, write: Int32) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw LocalCloudError("cannot make a pipe", errno) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
  }
}

/// A cloud-trainer on this machine could not be started.
struct LocalCloudError: ClassifiedError, CustomStringConvertible {
  let description: String
  let kind: ErrorKind

  init(_ description: String, kind: ErrorKind = .link) {
    self.description = description
    self.kind = kind
  }

  init(_ what: String, _ errorNumber: Int32) {
    let hint = errorNumber == EAGAIN ? "; raise the limit on processes (ulimit -u, pids.max)" : ""
    self.init("\(what): \(SystemError.text(of: errorNumber))\(hint)")
  }
}
