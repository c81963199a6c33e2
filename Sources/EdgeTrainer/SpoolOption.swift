import ArgumentParser
import CommandLineSupport
import Logging
import RunFiles
import Terminal
import Training

/// How much may wait on this side's disk to be sent.
struct SpoolOption: ParsableArguments {
  @Option(
    name: .customLong("spool"),
    help: ArgumentHelp(
      """
      Keep up to so much on the disk of what is to be sent, and train ahead of the link; 0: train no further than \
      --window. (default: 1GiB, but at most half of what is free)
      """, valueName: "size"))
  var given: ByteSize?

  private static let defaultBytes = 1 << 30
  /// A batch of the largest network has room, and so have the segments that are written and read.
  private static let smallestBytes = 1 << 20

  func validate() throws {
    if let given, given.bytes != 0, given.bytes < Self.smallestBytes {
      throw ValidationError("--spool \(given.bytes) is out of range: 0, or at least \(Self.smallestBytes) bytes")
    }
  }

  /// The limit of the spool of a run, in bytes; nil for none.
  ///
  /// - Parameter directory: the run's, which need not be there yet.
  func limit(in directory: String, _ logger: Logger) -> Int? {
    if given?.bytes == 0 { return nil }
    let wanted = given?.bytes ?? Self.defaultBytes
    let free = RunDirectory.freeBytes(at: directory)
    let limit = min(wanted, max(Self.smallestBytes, (free ?? .max) / 2))
    let reason = limit < wanted ? ", half of what is free there" : ""
    logger.info("what the cloud has not done yet waits on this disk: up to \(Formatting.bytes(limit))\(reason)")
    return limit
  }
}
