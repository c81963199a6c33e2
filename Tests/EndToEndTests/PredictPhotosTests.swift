import Foundation
import NeuralNetwork
import Terminal
import Testing

/// `edge-trainer predict` with image files.
@Suite struct PredictPhotosTests {
  private let directory: TemporaryDirectory
  private let folder: PhotoFolder
  private let weights: [String]

  init() throws {
    directory = try TemporaryDirectory()
    folder = try PhotoFolder(in: directory)
    let trained = try ChildProcess.run(
      .edge,
      ["train", "--local", "--data", "photos", "--image-size", "16", "--epochs", "1", "--batch-size", "4"]
        + ["--cut", "1", "--exit-head", "pool", "--threads", "1", "--run-dir", "edge", "--cloud-run-dir", "cloud"],
      in: directory)
    try #require(trained.end == .exited(0), "\(trained.errors)")
    let run = try #require(FileManager.default.contentsOfDirectory(atPath: directory.path("cloud")).first)
    weights = ["--edge-weights", "edge/edge.safetensors", "--cloud-weights", "cloud/\(run)/cloud.safetensors"]
  }

  private func predict(_ arguments: [String]) throws -> FinishedProcess {
    try ChildProcess.run(.edge, ["predict", "--threads", "1"] + arguments, in: directory)
  }

  /// The rows of the table, split at spaces: file, class, number, %, and the same of the end.
  private func rows(_ finished: FinishedProcess) -> [[String]] {
    finished.outputLines.dropFirst(2).map { $0.split(separator: " ").map(String.init) }
  }

  /// [images, 2], from a file of NumPy.
  private func logits(_ file: String) throws -> [[Float]] {
    let bytes = [UInt8](try Data(contentsOf: URL(filePath: directory.path(file))))
    let values = bytes[(10 + Int(bytes[8]) + 256 * Int(bytes[9]))...].withUnsafeBytes { raw in
      (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
    }
    return stride(from: 0, to: values.count, by: 2).map { Array(values[$0..<$0 + 2]) }
  }

  @Test func filesAreClassifiedAsTheImagesOfTheFolderAre() throws {
    let all = try predict(weights + ["--data", "photos", "--batch-size", "1", "--logits", "all"])
    #expect(all.end == .exited(0), "\(all.errors)")
    let outputs = [try logits("all-exit.npy"), try logits("all-final.npy")]
    #expect(outputs.map(\.count) == [4, 4])
    let expected = folder.testFiles.enumerated().map { index, file in
      [file]
        + outputs.flatMap { logits in
          let values = SoftmaxCrossEntropy.probabilities(logits[index])
          let best = values[1] > values[0] ? 1 : 0
          return [["cat", "dog"][best]] + Formatting.percent(values[best]).split(separator: " ").map(String.init)
        }
    }
    let finished = try predict(weights + folder.testFiles)
    #expect(finished.end == .exited(0), "\(finished.errors)")
    #expect(rows(finished) == expected)
    #expect(
      finished.outputLines.first?.split(separator: " ") == ["file", "exit", "probability", "final", "probability"])
    // Whatever stands beside a file.
    let others = try predict(weights + [folder.testFiles[3], folder.testFiles[0], folder.testFiles[3]])
    #expect(rows(others) == [expected[3], expected[0], expected[3]])

    let both = rows(try predict(weights.prefix(2) + ["--top", "9", folder.testFiles[1]]))
    #expect(both.map { $0[0] } == [folder.testFiles[1], folder.testFiles[1]])
    #expect(both[0] == Array(expected[1].prefix(4)) && Set(both.map { $0[1] }) == ["cat", "dog"])
  }

  /// Of a folder the run's files beside the weights tell whether it is the same.
  @Test func theRunsFolderIsKnown() throws {
    let trained = try ChildProcess.run(
      .edge,
      ["train", "--strategy", "edge-only", "--data", "photos", "--image-size", "16", "--epochs", "1", "--threads", "1"]
        + ["--batch-size", "4", "--test-limit", "2", "--run-dir", "limited"], in: directory)
    #expect(trained.end == .exited(0), "\(trained.errors)")
    try FileManager.default.copyItem(
      atPath: directory.path("limited/edge.safetensors"), toPath: directory.path("copy.safetensors"))
    for (weights, count) in [("limited/edge.safetensors", 2), ("copy.safetensors", 4)] {
      let finished = try predict(["--edge-weights", weights, "--data", "photos"])
      #expect(finished.output.contains(" \(count) in batches of 4\n"), "\(finished.output) \(finished.errors)")
    }
  }

  @Test func aFileThatCannotBeReadLeavesTheOthersAlone() throws {
    try folder.write("cut.png", Array(PhotoFolder.png(seed: 1).prefix(100)))
    try folder.write("-a\nb\u{1b}[31m.png", PhotoFolder.png(seed: 1, width: 33, height: 90))
    let finished = try predict(
      weights + ["nowhere.png", folder.file("cut.png"), "photos", folder.testFiles[0]]
        + ["--", folder.file("-a\nb\u{1b}[31m.png")])
    expectError(
      finished, .edge, code: 65, mentioning: ["3 of 5 image files cannot be read, the first of them nowhere.png"])
    for line in [
      "WARNING nowhere.png: No such file or directory\n",
      "cut.png: PNG image: expected more than the 100 bytes that there are", "WARNING photos: not a regular file\n",
    ] { #expect(finished.errors.contains(line), "\(finished.errors)") }
    #expect(rows(finished).map(\.first) == [folder.testFiles[0], folder.file("-a\\nb\\u{1b}[31m.png")])

    let missing = try predict(weights + ["nowhere.png"])
    expectError(missing, .edge, code: 65, mentioning: ["the image file cannot be read: nowhere.png"])
    #expect(missing.output == "")
  }
}
