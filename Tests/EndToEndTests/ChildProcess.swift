import Foundation
import Glibc
import Testing

/// How a process has ended.
enum ProcessEnd: Equatable, CustomStringConvertible {
  case exited(Int32)
  case killed(signal: Int32)

  var description: String {
    switch self {
    case .exited(let code): "exit code \(code)"
    case .killed(let signal): "killed by signal \(signal)"
    }
  }
}

/// What is left of a process that has ended.
struct FinishedProcess {
  let end: ProcessEnd
  let output: String
  let errors: String

  var outputLines: [Substring] { output.split(separator: "\n") }
  var errorLines: [Substring] { errors.split(separator: "\n") }
}

/// A wait that took too long; the processes of the test are killed.
struct TimedOutError: Error, CustomStringConvertible {
  let description: String
}

/// A process that a test has started. Whatever happens, it is killed and buried when the test lets go of it.
///
/// Standard output and error go to files, so that nothing has to read them while it runs.
final class ChildProcess {
  enum StandardDescriptor {
    case null
    case closed
    case file(String)
    /// A pipe whose reader has gone.
    case brokenPipe
    /// What the test has opened, and keeps open until the process is started.
    case opened(Int32)
  }

  let identifier: pid_t
  private let directory: TemporaryDirectory
  private let outputPath: String
  private let errorPath: String
  private var end: ProcessEnd?

  /// How long a test waits for anything, in seconds: far longer than it takes, even on a busy machine.
  static let limit = 60.0

  /// - Parameters:
  ///   - executable: the program's path.
  ///   - arguments: without the program's name.
  ///   - directory: the working directory, where the files of its output go too.
  ///   - changes: what is changed in this process's environment; nil takes a variable out.
  ///   - input: what it reads.
  ///   - output: what it writes to; nil for a file, which `output` then reads.
  ///   - errors: likewise for standard error.
  ///   - blocks: the longest file that it may write, in blocks of 512 bytes.
  /// - Throws: `POSIXError` if the process cannot be started.
  init(
    _ executable: String, _ arguments: [String], in directory: TemporaryDirectory,
    environment changes: [String: String?] = [:], input: StandardDescriptor = .null,
    output: StandardDescriptor? = nil, errors: StandardDescriptor? = nil, limitingFilesTo blocks: Int? = nil
  ) throws {
    self.directory = directory
    let name = UUID().uuidString
    outputPath = directory.path("\(name).out")
    errorPath = directory.path("\(name).err")

    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    var broken: Int32?
    defer { if let broken { close(broken) } }
    for (descriptor, target) in [(0, input), (1, output ?? .file(outputPath)), (2, errors ?? .file(errorPath))] {
      let descriptor = Int32(descriptor)
      switch target {
      case .null: posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
      case .closed: posix_spawn_file_actions_addclose(&actions, descriptor)
      case .file(let path):
        posix_spawn_file_actions_addopen(&actions, descriptor, path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
      case .brokenPipe:
        let end = try Self.brokenPipe()
        broken = end
        posix_spawn_file_actions_adddup2(&actions, end, descriptor)
      case .opened(let end): posix_spawn_file_actions_adddup2(&actions, end, descriptor)
      }
    }

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // Signals as a shell would have them, whatever the test runner does with them.
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ] { sigaddset(&signals, signal) }
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))

    var environment = ProcessInfo.processInfo.environment
    for name in ["CIFAR10_DIR", "OPENBLAS_CORETYPE", "NO_COLOR", "XDG_STATE_HOME", "XDG_CACHE_HOME"] {
      environment[name] = nil
    }
    environment["HOME"] = directory.path
    environment["COLUMNS"] = "80"
    for (name, value) in changes { environment[name] = value }

    // The shell sets what posix_spawn cannot, then becomes the program.
    let limit = blocks.map { "ulimit -f \($0); " } ?? ""
    let command =
      ["/bin/sh", "-c", "cd \"$0\" && \(limit)exec \"$@\"", directory.path, executable] + arguments
    var argv: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
    var envp: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0)=\($1)") } + [nil]
    defer { (argv + envp).forEach { free($0) } }
    var identifier: pid_t = 0
    let code = posix_spawn(&identifier, "/bin/sh", &actions, &attributes, &argv, &envp)
    guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: code) ?? .EIO) }
    self.identifier = identifier
  }

  deinit {
    if end == nil {
      kill(identifier, SIGKILL)
      var status: Int32 = 0
      waitpid(identifier, &status, 0)
    }
  }

  var output: String { (try? String(contentsOfFile: outputPath, encoding: .utf8)) ?? "" }
  var errors: String { (try? String(contentsOfFile: errorPath, encoding: .utf8)) ?? "" }

  func send(signal: Int32) { if end == nil { kill(identifier, signal) } }

  /// Waits until the process has ended; kills it if that takes longer than `limit`.
  ///
  /// - Throws: `TimedOutError`.
  func wait() throws -> FinishedProcess {
    let isOver = poll { self.hasEnded }
    guard isOver, let end else {
      send(signal: SIGKILL)
      throw timedOut("its end")
    }
    return FinishedProcess(end: end, output: output, errors: errors)
  }

  /// Waits until `condition` holds for the running process.
  ///
  /// - Throws: `TimedOutError`, also when the process ends without it.
  @discardableResult
  func wait<Value>(for what: String, _ condition: () throws -> Value?) throws -> Value {
    var value: Value?
    _ = try poll {
      // In this order: what holds at the end counts.
      let isLast = self.hasEnded
      value = try condition()
      return value != nil || isLast
    }
    guard let value else {
      send(signal: SIGKILL)
      throw timedOut(what)
    }
    return value
  }

  private var hasEnded: Bool {
    if end != nil { return true }
    var status: Int32 = 0
    guard waitpid(identifier, &status, WNOHANG) == identifier else { return false }
    let signal = status & 0x7f
    end = signal == 0 ? .exited((status >> 8) & 0xff) : .killed(signal: signal)
    return true
  }

  private func poll(_ condition: () throws -> Bool) rethrows -> Bool {
    let deadline = Date(timeIntervalSinceNow: Self.limit)
    while Date() < deadline {
      if try condition() { return true }
      usleep(10_000)
    }
    return false
  }

  private func timedOut(_ what: String) -> TimedOutError {
    let state = end.map { "ended with \($0)" } ?? "still runs"
    return TimedOutError(
      description: "waited in vain for \(what): the process \(state)\noutput:\n\(output)\nerrors:\n\(errors)")
  }

  private static func brokenPipe() throws -> Int32 {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw POSIXError(.EMFILE) }
    close(ends[0])
    return ends[1]
  }
}
