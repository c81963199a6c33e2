import Foundation
import Images
import Testing

/// `edge-trainer data`.
@Suite struct DataCommandTests {
  private let directory: TemporaryDirectory
  private let folder: PhotoFolder

  init() throws {
    directory = try TemporaryDirectory()
    folder = try PhotoFolder(in: directory)
  }

  private func data(_ arguments: [String], limitingFilesTo blocks: Int? = nil) throws -> FinishedProcess {
    try ChildProcess.start(
      .edge, ["data"] + arguments + ["--threads", "1"], in: directory, limitingFilesTo: blocks
    ).wait()
  }

  @Test func whatAFolderHolds() throws {
    try folder.write("train/dog/more.png", PhotoFolder.png(seed: 99, width: 300, height: 200))
    try folder.write("train/dog/notes.txt", [])
    let finished = try data(["photos", "--image-size", "16", "--contact-sheet", "sheet.png"])
    #expect(finished.end == .exited(0), "\(finished.errors)")
    let lines = finished.output.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.first == "data set                    image folders in photos")
    for line in [
      "images                      13 for training, 4 for testing", "image size                  16x16",
      "training images of a class  least 6 (cat), median 7, most 7 (dog)", "test images of a class      2",
      "image files                 smallest 20x16, median 20x16, largest 300x200",
      "other files                 1, neither .jpg nor .png", "cat           6     2", "dog           7     2",
      "contact sheet sheet.png, from the top: cat, dog",
    ] { #expect(lines.contains(Substring(line)), "\(line)\n\(finished.output)") }
    let sheet = try ImageDecoder().decode([UInt8](Data(contentsOf: URL(filePath: directory.path("sheet.png")))))
    #expect(sheet.width == 7 * 66 + 2 && sheet.height == 2 * 66 + 2)
    #expect(!finished.output.contains("unreadable"))
  }

  @Test func allThatCannotBeReadIsListed() throws {
    try folder.write("train/dog/text.jpg", Array("hello".utf8))
    try folder.write("test/cat/cut.png", Array(PhotoFolder.png(seed: 1).prefix(100)))
    let arguments = ["photos", "--image-size", "16", "--contact-sheet", "sheet.png"]
    let finished = try data(arguments)
    expectError(finished, .edge, code: 65, mentioning: ["2 images cannot be read", "--skip-unreadable"])
    let list = """
      2 image files cannot be read:
      photos/test/cat/cut.png: PNG image: expected more than the 100 bytes that there are: the file is cut off
      photos/train/dog/text.jpg: image: expected the first bytes of a JPEG or PNG file, found 68 65 6c 6c 6f

      """
    #expect(finished.output.hasSuffix(list), "\(finished.output)")
    #expect(finished.output.contains("12 for training, 4 for testing"))
    #expect(FileManager.default.fileExists(atPath: directory.path("sheet.png")))
    let skipped = try data(arguments + ["--skip-unreadable"])
    #expect(skipped.end == .exited(0) && skipped.output == finished.output, "\(skipped.errors)")
    #expect(!skipped.errors.contains("left out"))
  }

  @Test func whereNothingCanBeReadEverythingIsListed() throws {
    for name in ["cat", "dog"] {
      for number in 0..<6 { try folder.write("train/\(name)/\(number).png", [1]) }
    }
    let finished = try data(["photos"])
    expectError(finished, .edge, code: 65, mentioning: ["no image for training can be read"])
    #expect(finished.outputLines.count == 13 && finished.outputLines.first == "12 image files cannot be read:")
  }

  @Test func ofManyClassesThoseAtBothEnds() throws {
    let some = try data(["synthetic", "--classes", "101"])
    #expect(some.end == .exited(0), "\(some.errors)")
    #expect(some.output.contains("least 99 (ring), median 99, most 100 (disc)\n"))
    #expect(some.output.contains("\n…\n") && !some.output.contains("\nring-5 "))
    let all = try data(["synthetic", "--classes", "101", "--all-classes"])
    #expect(all.output.contains("\nring-5 ") && !all.output.contains("…"))
    #expect(all.outputLines.count == some.outputLines.count + 101 - 22)
  }

  /// While the last files are decoded, too: what was not looked at is not unreadable.
  @Test func interruptionLeavesNothing() throws {
    try folder.write("test/dog/large.png", PhotoFolder.png(seed: 1, width: 600, height: 600))
    for number in 0..<300 {
      try FileManager.default.linkItem(
        atPath: folder.file("test/dog/large.png"), toPath: folder.file("test/dog/large-\(number).png"))
    }
    let process = try ChildProcess.start(.edge, ["data", "photos", "--threads", "1"], in: directory)
    let cache = directory.path(".cache/hierarchical-trainer")
    try process.wait(for: "the file of decoded images") {
      try? FileManager.default.contentsOfDirectory(atPath: cache).first
    }
    process.send(signal: SIGINT)
    expectError(try process.wait(), .edge, code: 130, mentioning: ["interrupted"])
    #expect(try FileManager.default.contentsOfDirectory(atPath: cache) == [])
  }

  @Test func filesThatCannotBeWritten() throws {
    let cache = directory.path(".cache/hierarchical-trainer")
    expectError(
      try data(["photos"], limitingFilesTo: 4), .edge, code: 74, mentioning: [cache, "File too large"])
    #expect(try FileManager.default.contentsOfDirectory(atPath: cache) == [])
    expectError(
      try data(["photos", "--contact-sheet", "nowhere/sheet.png"]), .edge, code: 74,
      mentioning: ["nowhere/sheet.png", "No such file or directory"])
    #expect(try FileManager.default.contentsOfDirectory(atPath: cache) == [], "known before the images are decoded")
    #expect(try data(["photos"]).end == .exited(0))
    let finished = try data(["photos", "--contact-sheet", "sheet.png"], limitingFilesTo: 4)
    expectError(finished, .edge, code: 74, mentioning: ["sheet.png", "File too large"])
    #expect(!(try FileManager.default.contentsOfDirectory(atPath: directory.path)).contains { $0.contains("sheet") })
  }
}
