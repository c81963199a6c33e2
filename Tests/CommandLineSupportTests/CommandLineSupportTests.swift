import CommandLineSupport
import Datasets
import Foundation
import Platform
import Testing
import Training

/// The small parts of the command line that need no process.
@Suite struct CommandLineSupportTests {
  @Test(arguments: [
    (0, "0"), (999, "999"), (1000, "1.00 K"), (1280, "1.28 K"), (9994, "9.99 K"), (9996, "10.0 K"),
    (99_949, "99.9 K"),
    (99_951, "100 K"), (999_499, "999 K"), (999_501, "1.00 M"), (39_518_208, "39.5 M"), (1_736_640, "1.74 M"),
    (12_345_678_901, "12.3 G"), (1_234_567_890_123, "1235 G"),
  ])
  func threeSignificantDigits(count: Int, text: String) {
    #expect(Quantity.rendered(count) == text)
  }

  @Test func wholeSecondsHaveNoFraction() {
    #expect("\(Seconds(60))" == "60")
    #expect("\(Seconds(1.5))" == "1.5")
    #expect(Seconds(argument: "2")?.value == 2)
    #expect(Seconds(argument: "2 s") == nil)
  }

  @Test func imagesComeFromWhereTheOptionSays() throws {
    for (option, kind, directory) in [
      ("synthetic", DatasetKind.synthetic, ""), ("./synthetic", .cifar10, "./synthetic"),
      ("folder:a:b", .folder, "a:b"),
      ("tiny-imagenet:/t", .tinyImageNet, "/t"), ("synthetic:x", .cifar10, "synthetic:x"),
      ("other:x", .cifar10, "other:x"),
    ] {
      let source = try ImageSource(option: option)
      #expect(source.kind == kind && source.directory == directory, "\(option)")
      #expect(source.option == (kind == .cifar10 ? directory : option), "\(option)")
    }
  }

  @Test func everyKindIsNormalizedAsAskedFor() throws {
    var settings = DatasetSettings()
    settings.normalization = .imagenet
    for option in ["synthetic", "cifar10:x", "cifar100:x", "folder:x", "tiny-imagenet:x"] {
      let task = try ImageSource(option: option, settings: settings).expectedTask
      #expect(task.mean == [0.485, 0.456, 0.406] && task.deviation == [0.229, 0.224, 0.225], "\(option)")
    }
    #expect(try ImageSource(option: "cifar10:x").expectedTask == .cifar10)
  }

  @Test func whatTheImagesHaveNoUseForIsRefused() throws {
    func refused(_ option: String, _ change: (inout DatasetSettings) -> Void) -> String? {
      var settings = DatasetSettings()
      change(&settings)
      do {
        _ = try ImageSource(option: option, settings: settings)
        return nil
      } catch { return "\(error)" }
    }
    #expect(
      refused("cifar10:x") { $0.imageSize = 64 }
        == "--image-size: these images are cifar10; it is for image files, and synthetic images")
    #expect(
      refused("cifar10:x") { $0.labels = .coarse }?.hasPrefix("--labels coarse: these images are cifar10") == true)
    #expect(refused("tiny-imagenet:x") { $0.testFraction = 0.1 }?.hasPrefix("--test-fraction") == true)
    #expect(refused("synthetic") { $0.skipsUnreadable = true }?.hasPrefix("--skip-unreadable") == true)
    #expect(refused("folder:x") { ($0.testFraction, $0.imageSize, $0.skipsUnreadable) = (0.1, 64, true) } == nil)
    #expect(refused("synthetic") { ($0.imageSize, $0.classes) = (64, 200) } == nil)
    #expect(refused("cifar100:x") { $0.labels = .coarse } == nil)
  }

  private static func readme() throws -> String {
    var root = URL(fileURLWithPath: #filePath)
    for _ in 0..<3 { root.deleteLastPathComponent() }
    return try String(contentsOf: root.appendingPathComponent("README.md"), encoding: .utf8)
  }

  @Test func exitCodesAreThoseOfTheReadme() throws {
    let readme = try Self.readme()
    for exit in RunExit.allCases {
      #expect(readme.contains("| \(exit.rawValue) | \(exit.documentation) |"), "\(exit)")
    }
  }

  @Test func defaultsAreThoseOfTheReadme() throws {
    let readme = try Self.readme()
    for (option, value) in [
      ("strategy name", Defaults.strategy.rawValue), ("architecture name", Defaults.architecture.rawValue),
      ("cut k", "\(Defaults.cut)"), ("exit-head head", Defaults.exitHead.rawValue), ("bits n", "\(Defaults.bits)"),
      ("scale which", Defaults.scale.rawValue), ("compression how", Defaults.compression.rawValue),
      ("window n", "\(Defaults.window)"), ("epochs n", "\(Defaults.epochs)"), ("batch-size n", "\(Defaults.batchSize)"),
      ("learning-rate x", "\(Defaults.learningRate)"), ("momentum x", "\(Defaults.momentum)"),
      ("weight-decay x", "\(Defaults.weightDecay)"), ("label-smoothing x", "\(Defaults.labelSmoothing)"),
      ("schedule name", Defaults.schedule.rawValue),
      ("seed n", "\(Defaults.seed)"), ("keep-weights which", Defaults.keptWeights.rawValue),
      ("checkpoint-interval s", "\(Seconds(Defaults.checkpointInterval))"),
    ] { #expect(readme.contains("| `--\(option)` | \(value) |"), "\(option)") }
  }

  @Test func everyKindOfErrorHasAnExitCode() {
    #expect(
      ErrorKind.allCases.map { "\($0)" }.sorted()
        == RunExit.allCases.map { "\($0)" }.filter { $0 != "success" }.sorted())
    #expect(RunExit(InterruptedError()).rawValue == 130)
    #expect(RunExit(ConfigurationError("x")).rawValue == 64)
    #expect(RunExit(CancellationError()).rawValue == 71)
    #expect(RunExit(FileError(path: "p", operation: "write", errorNumber: 28)).rawValue == 74)
  }
}
