import Platform
import TestSupport
import Testing

@testable import CommandLineSupport

/// What a file of options stands for.
@Suite struct ConfigurationFileTests {
  private static let options: Set = [
    "--config", "--help", "--version", "--bits", "--lr", "--name", "--local", "--link-rate", "--link-delay",
    "--train-limit", "--data", "--cloud", "--tls", "--full-scale", "--learning-rate", "--offline",
  ]

  private static func expanded(_ json: String, _ arguments: [String] = []) throws -> [String] {
    try withTemporaryDirectory { base in
      let path = base + "/options.json"
      try AtomicFile.write(Array(json.utf8), to: path)
      let all = try ConfigurationFile.expanding(["train", "--config", path] + arguments, options: options)
      #expect(all.first == "train" && all.suffix(arguments.count + 2) == ["--config", path] + arguments)
      return Array(all.dropFirst().dropLast(arguments.count + 2))
    }
  }

  @Test func membersBecomeOptions() throws {
    #expect(
      try Self.expanded(#"{"bits": 2, "name": "a \"b\"", "local": true, "tls": false, "full_scale": null}"#)
        == ["--bits=2", #"--name=a "b""#, "--local"])
    #expect(
      try Self.expanded(#"{"train_images": 64, "link_rate": 1.1e6, "link_delay": 5e-05, "learning_rate": 0.1}"#)
        == ["--train-limit=64", "--link-rate=1100000.0bit", "--link-delay=0.00005s", "--learning-rate=0.1"])
  }

  /// Another run has a number, a role and, if the file is a run's, a name of its own.
  @Test func whatIsARunsOwnIsLeftOut() throws {
    #expect(
      try Self.expanded(#"{"role": "edge", "run_id": "x", "task": {"classes": 3}, "name": "n", "bits": 2}"#)
        == ["--bits=2"])
    #expect(try Self.expanded(#"{"name": "n"}"#) == ["--name=n"])
  }

  @Test func whatTheCommandLineReplacesIsLeftOut() throws {
    let file = #"{"cloud": "h:1", "tls": true, "bits": 2, "full_scale": 0.5}"#
    #expect(try Self.expanded(file, ["--local"]) == ["--bits=2", "--full-scale=0.5"])
    #expect(try Self.expanded(file, ["--bits=4"]) == ["--cloud=h:1", "--tls", "--bits=2"])
  }

  @Test(arguments: [
    (#"{"bites": 2}"#, "bites is no option of train"), (#"{"config": "x"}"#, "config is no option of train"),
    (#"{"bits": [1]}"#, "bits is an array"), (#"{"bits": {}}"#, "bits is an object"), ("[]", "it is no JSON object"),
    (#"{"bits": 1, "bits": 2}"#, "bits is there twice"), (#"{"data": "cifar100"}"#, "data is cifar100"),
  ])
  func whatCannotBeTakenIsSaid(json: String, problem: String) {
    let error = #expect(throws: ConfigurationFileError.self) { try Self.expanded(json) }
    #expect(error?.description.contains("options.json: \(problem)") == true, "\(error?.description ?? "")")
    #expect(error?.kind == .data)
  }

  @Test func otherCommandsAndHelpAreAsTheyAre() throws {
    for arguments in [["resume", "--config", "none"], ["train", "--config", "none", "-h"], ["train"], []] {
      #expect(try ConfigurationFile.expanding(arguments, options: Self.options) == arguments)
    }
  }

  @Test(arguments: [
    ("5e-05", "0.00005"), ("1e+16", "10000000000000000.0"), ("-2.5E1", "-25.0"), ("12", "12"), ("0.1", "0.1"),
    ("1e99", "1e99"), ("0e0", "0.0"),
  ])
  func numbersWithoutExponents(number: String, expected: String) {
    #expect(ConfigurationFile.withoutExponent(number) == expected)
  }
}
