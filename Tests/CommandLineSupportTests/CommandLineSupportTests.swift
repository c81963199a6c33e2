import CommandLineSupport
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

  @Test func imagesComeFromWhereTheOptionSays() {
    #expect(ImageSource(option: "synthetic") == .synthetic)
    #expect(ImageSource(option: "./synthetic") == .cifar10(directory: "./synthetic"))
  }

  @Test func exitCodesAreThoseOfTheReadme() throws {
    let readme = try String(
      contentsOf: URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("README.md"), encoding: .utf8)
    for exit in RunExit.allCases {
      #expect(readme.contains("| \(exit.rawValue) | \(exit.documentation) |"), "\(exit)")
    }
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
