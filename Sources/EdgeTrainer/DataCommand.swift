import ArgumentParser
import CommandLineSupport
import Compute
import Datasets
import Platform
import Terminal
import Training

struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data",
    abstract: "Show what a data set holds, and what the network will see of it.",
    discussion: """
      Prints sizes, counts of each class, and the mean and deviation with which
      values are normalized; and all image files that cannot be read, and why.
      If there are any, the exit code is 65; with --skip-unreadable it is 0.
      Image files are decoded once, for later runs, too.
      """)

  @Argument(
    help: ArgumentHelp(
      """
      The data set, as --data of train has it: a folder, kind:dir, or "synthetic". \
      (default: $CIFAR10_DIR, else ~/.cache/cifar-10-batches-bin)
      """, valueName: "dir|synthetic"), completion: .directory)
  var data: String?

  @OptionGroup var dataset: DatasetOptions

  @Flag(help: ArgumentHelp("List all classes, also if there are more than \(DataReport.listedClasses)."))
  var allClasses = false

  @Option(
    help: ArgumentHelp(
      """
      Also write a PNG image of some training images of each class, as the network sees them: resized and cut. \
      A file that is there is replaced.
      """, valueName: "file"), completion: .file())
  var contactSheet: String?

  @Option(
    help: ArgumentHelp(
      "Threads that decode images. (default: the processors that the program may use)", valueName: "n"))
  var threads: Int?

  func validate() throws {
    if data == "" { throw ValidationError("the folder's name is empty: expected a folder, or synthetic") }
    try MachineOptions.check(threads: threads)
    if contactSheet == "" { throw ValidationError("--contact-sheet is empty") }
  }

  func run() throws {
    try Program.run(.edge, computes: false) { interruption, logger in
      // A wrong path costs no decoding.
      if let contactSheet { _ = try OutputFile(path: contactSheet) }
      let source = try ImageSource(option: data, settings: dataset.settings)
      let images = try open(source, .init(threads: threads ?? Processors.availableCount, interruption, logger))
      try Program.printLine(DataReport(source, images).rendered(allClasses: allClasses))
      if let contactSheet {
        let sheet = try ContactSheet(images.train)
        try OutputFile.replace(contactSheet, with: sheet.image.png())
        try Program.printLine(Self.legend(sheet, images.train.task, path: contactSheet))
      }
      let unreadable = images.cache?.unreadable ?? []
      guard let first = unreadable.first else { return }
      try Program.printLine("\n" + Self.list(unreadable, in: source))
      if !dataset.skipUnreadable {
        throw DatasetError.unreadableImages(count: unreadable.count, first: "\(source.directory)/\(first)")
      }
    }
  }

  /// Opens both parts, whatever cannot be read; if that is everything, it is listed.
  private func open(_ source: ImageSource, _ work: ImageSource.Work) throws -> OpenDataset {
    if source.kind == .synthetic {
      let (train, test) = try source.open(testLimit: nil, seed: 0, work)
      return OpenDataset(train: train, test: test)
    }
    var settings = source.settings
    settings.skipsUnreadable = source.kind.isMadeOfFiles
    do {
      return try ImageSource(option: data, settings: settings).open(work)
    } catch DatasetError.nothingReadable(let path, let purpose, let files) {
      try Program.printLine(Self.list(files, in: source))
      throw DatasetError.nothingReadable(path: path, purpose: purpose, files: files)
    }
  }

  private static func list(_ files: [FolderListing.Unreadable], in source: ImageSource) -> String {
    (["\(Formatting.count(files.count, "image file")) cannot be read:"]
      + files.map { Formatting.singleLine("\(source.directory)/\($0)") }.sorted()).joined(separator: "\n")
  }

  private static func legend(_ sheet: ContactSheet, _ task: ImageTask, path: String) -> String {
    let names = sheet.classes.map { Formatting.singleLine(task.name(of: $0)) }
    return "\ncontact sheet \(Formatting.singleLine(path)), from the top: \(names.joined(separator: ", "))"
  }
}
