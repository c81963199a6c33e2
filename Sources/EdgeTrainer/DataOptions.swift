import ArgumentParser
import CommandLineSupport

/// Which images are used.
struct DataOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      Folder of CIFAR-10 in its binary format (data_batch_1.bin ... test_batch.bin), or "synthetic" for drawn images. \
      (default: $CIFAR10_DIR, else ~/.cache/cifar-10-batches-bin)
      """, valueName: "dir|synthetic"))
  var data: String?

  @Option(
    help: ArgumentHelp(
      "Use the first <n> training images only. (default: all; synthetic: 10000)", valueName: "n"))
  var trainLimit: Int?

  @Option(
    help: ArgumentHelp("Use the first <n> test images only. (default: all; synthetic: 2000)", valueName: "n"))
  var testLimit: Int?

  var source: ImageSource { get throws { try ImageSource(option: data) } }

  func validate() throws {
    if data == "" { throw ValidationError("--data is empty: expected a folder, or synthetic") }
    for (option, limit) in [("--train-limit", trainLimit), ("--test-limit", testLimit)] {
      if let limit, limit < 1 { throw ValidationError("\(option) \(limit) is out of range: at least 1") }
    }
  }
}
