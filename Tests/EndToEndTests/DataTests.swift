import Foundation
import Testing

/// The data set as users have it: missing, damaged, where it is looked for.
@Suite struct DataTests {
  private static let fileNames = (1...5).map { "data_batch_\($0).bin" } + ["test_batch.bin"]
  private static let fileBytes = 10_000 * 3073

  /// Black images of class 0 in files that take no room on disk.
  private static func writeBlackImages(to directory: String) throws {
    for name in fileNames {
      let path = directory + "/" + name
      try #require(FileManager.default.createFile(atPath: path, contents: nil))
      let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
      try file.truncate(atOffset: UInt64(fileBytes))
      try file.close()
    }
  }

  private static func train(
    _ arguments: [String], in directory: TemporaryDirectory, environment: [String: String?] = [:]
  ) throws -> FinishedProcess {
    // Nobody listens there: what passes the data's checks ends with 69.
    try ChildProcess.run(
      .edge, ["train", "--cloud", "127.0.0.1:1", "--threads", "1"] + arguments, in: directory,
      environment: environment)
  }

  @Test func missingFolderIsNamedWithTheWaysOut() throws {
    let directory = try TemporaryDirectory()
    let folder = directory.path("nowhere")
    expectError(
      try Self.train(["--data", folder], in: directory), .edge, code: 65,
      mentioning: [folder, "No such file or directory", "scripts/fetch-cifar10.sh", "--data synthetic"])
  }

  @Test func folderDefaultsToTheCache() throws {
    let directory = try TemporaryDirectory()
    expectError(
      try Self.train([], in: directory), .edge, code: 65,
      mentioning: [directory.path(".cache/cifar-10-batches-bin"), "--data synthetic"])
    // An empty variable is as good as none.
    expectError(
      try Self.train([], in: directory, environment: ["CIFAR10_DIR": ""]), .edge, code: 65,
      mentioning: [directory.path(".cache/cifar-10-batches-bin")])
  }

  @Test func variableComesBeforeTheCacheAndOptionBeforeTheVariable() throws {
    let directory = try TemporaryDirectory()
    let variable = directory.path("variable")
    expectError(
      try Self.train([], in: directory, environment: ["CIFAR10_DIR": variable]), .edge, code: 65,
      mentioning: [variable])
    expectError(
      try Self.train(["--data", "option"], in: directory, environment: ["CIFAR10_DIR": variable]), .edge,
      code: 65,
      mentioning: ["option"])
  }

  @Test func folderIsLogged() throws {
    let directory = try TemporaryDirectory()
    let folder = try directory.subdirectory("images")
    try Self.writeBlackImages(to: folder)
    let finished = try Self.train(
      ["--train-limit", "300"], in: directory, environment: ["CIFAR10_DIR": folder])
    expectError(finished, .edge, code: 69, mentioning: [])
    #expect(finished.errors.contains("CIFAR-10 in \(folder): 300 images for training, 10000 for testing"))
    #expect(
      finished.errors.contains(
        "the first 300 training images have none of 9 classes of 10, among them automobile; take a larger --train-limit"
      ),
      "\(finished.errors)")
  }

  @Test func missingFileIsNamed() throws {
    let directory = try TemporaryDirectory()
    let folder = try directory.subdirectory("images")
    try Self.writeBlackImages(to: folder)
    try FileManager.default.removeItem(atPath: folder + "/data_batch_4.bin")
    expectError(
      try Self.train(["--data", folder], in: directory), .edge, code: 65,
      mentioning: [folder + "/data_batch_4.bin", "No such file or directory"])
  }

  @Test func shortFileIsNamedWithBothSizes() throws {
    let directory = try TemporaryDirectory()
    let folder = try directory.subdirectory("images")
    try Self.writeBlackImages(to: folder)
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: folder + "/test_batch.bin"))
    try file.truncate(atOffset: UInt64(Self.fileBytes - 1))
    try file.close()
    expectError(
      try Self.train(["--data", folder], in: directory), .edge, code: 65,
      mentioning: [
        folder + "/test_batch.bin", "expected \(Self.fileBytes) bytes", "found \(Self.fileBytes - 1)",
      ])
  }

  @Test func labelOfTenIsNamedWithItsRecord() throws {
    let directory = try TemporaryDirectory()
    let folder = try directory.subdirectory("images")
    try Self.writeBlackImages(to: folder)
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: folder + "/data_batch_2.bin"))
    try file.seek(toOffset: 7 * 3073)
    try file.write(contentsOf: Data([10]))
    try file.close()
    expectError(
      try Self.train(["--data", folder], in: directory), .edge, code: 65,
      mentioning: [folder + "/data_batch_2.bin", "record 7", "label 10", "expected 0 to 9"])
  }

  @Test(arguments: [("--train-limit", 50_001, "1 to 50000"), ("--test-limit", 10_001, "1 to 10000")])
  func limitBeyondTheImagesIsRefused(option: String, limit: Int, allowed: String) throws {
    let directory = try TemporaryDirectory()
    let folder = try directory.subdirectory("images")
    try Self.writeBlackImages(to: folder)
    expectError(
      try Self.train(["--data", folder, option, "\(limit)"], in: directory), .edge, code: 64,
      mentioning: ["\(option) \(limit)", allowed, "images there are"])
  }
}
