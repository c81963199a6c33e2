import ArgumentParser
import Platform

/// How much memory a run may take here.
package struct MemoryOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      Refuse a run that takes more memory here, as 300MB or 8GiB. (default: three quarters of what the process may have)
      """, valueName: "size"))
  package var maxMemory: ByteSize?

  package init() {}

  /// In bytes.
  package var limit: Int { maxMemory?.bytes ?? AvailableMemory.bytes() / 4 * 3 }
}
