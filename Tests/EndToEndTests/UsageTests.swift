import Testing

/// Wrong options: exit code 64, one line, nothing done.
@Suite struct UsageTests {
  struct Case: CustomTestStringConvertible {
    let program: TestedProgram
    let arguments: [String]
    let mentioning: [String]

    init(_ program: TestedProgram, _ arguments: [String], _ mentioning: [String]) {
      self.program = program
      self.arguments = arguments
      self.mentioning = mentioning
    }

    var testDescription: String { ([program.rawValue] + arguments).joined(separator: " ") }
  }

  static let cases = [
    Case(
      .edge, ["train", "--architecture", "vgg9"],
      ["'vgg9'", "--architecture", "'vgg8'", "'resnet18-imagenet'"]),
    Case(
      .edge, ["train", "--strategy", "cloud"],
      ["'cloud'", "--strategy", "'cloud-stream'", "'cloud-upload-once'", "'edge-only'", "'split'"]),
    Case(.edge, ["train", "--strategy", "edge-only", "--epochs", "0"], ["epochs 0", "1 to 100000"]),
    Case(.edge, ["predict"], ["--edge-weights or --cloud-weights"]),
    Case(.edge, ["predict", "--edge-weights", "x", "--data", "y", "a.png"], ["--data", "image files", "a.png"]),
    Case(.edge, ["predict", "--edge-weights", "x", "--logits", "y", "a.png"], ["--logits", "image files", "a.png"]),
    Case(.edge, ["predict", "--edge-weights", "x", "--batch-size", "1", "a.png"], ["--batch-size", "a.png"]),
    Case(.edge, ["predict", "--edge-weights", "x", "--image-size", "64", "a.png"], ["--image-size", "a.png"]),
    Case(.edge, ["predict", "--edge-weights", "x", ""], ["image file is empty"]),
    Case(.edge, ["predict", "--edge-weights", "x", "--top", "0", "a.png"], ["--top 0", "at least 1"]),
    Case(.edge, ["predict", "--edge-weights", "x", "--top", "2"], ["--top needs image files"]),
    Case(.edge, ["resume", "x", "--local", "--cloud", "h:1"], ["--cloud h:1", "--local"]),
    Case(.edge, ["resume", "x", "--local", "--tls"], ["--tls", "--local"]),
    Case(.edge, ["data", ""], ["folder", "empty"]),
    Case(.edge, ["data", "--contact-sheet", ""], ["--contact-sheet is empty"]),
    Case(.edge, ["data", "--threads", "0"], ["--threads 0"]),
    Case(.edge, ["train", "--cut", "0"], ["cut 0", "1 to 3"]),
    Case(.edge, ["train", "--cut", "4"], ["cut 4", "vgg8", "1 to 3"]),
    Case(
      .edge, ["train", "--architecture", "vgg16", "--cut", "5"], ["deep", "1x1x512", "--exit-head conv"]),
    Case(.edge, ["train", "--bits", "0"], ["--bits: bits is 0", "1 to 8", "16 or 32"]),
    Case(.edge, ["train", "--bits", "9"], ["--bits: bits is 9", "1 to 8", "16 or 32"]),
    Case(.edge, ["train", "--full-scale", "0"], ["--full-scale: full scale is 0", "0.01 to 1"]),
    Case(
      .edge, ["train", "--bits", "2", "--full-scale", "1.5"],
      ["--full-scale: full scale is 1.5", "0.01 to 1"]),
    Case(.edge, ["train", "--full-scale", "half"], ["'half'", "--full-scale"]),
    Case(.edge, ["train", "--bits", "four"], ["'four'", "--bits"]),
    Case(.edge, ["train", "--batch-size", "0"], ["batch size 0", "1 to 1024"]),
    Case(.edge, ["train", "--epochs", "0"], ["epochs 0", "1 to 100000"]),
    Case(.edge, ["train", "--learning-rate", "nan"], ["learning rate nan", "more than 0"]),
    Case(.edge, ["train", "--momentum", "1"], ["momentum 1.0", "less than 1"]),
    Case(.edge, ["train", "--label-smoothing", "1"], ["label smoothing 1.0", "0 to less than 1"]),
    Case(.edge, ["train", "--label-smoothing", "nan"], ["label smoothing nan", "0 to less than 1"]),
    Case(.edge, ["predict", "--edge-weights", "x", "--confusion", ""], ["--confusion is empty"]),
    Case(.edge, ["train", "--bottleneck", "0"], ["bottleneck of 0", "1 to the 64"]),
    Case(.edge, ["train", "--train-limit", "0"], ["--train-limit 0", "at least 1"]),
    Case(.edge, ["train", "--test-limit", "0"], ["--test-limit 0", "at least 1"]),
    Case(.edge, ["train", "--window", "0"], ["window 0", "1 to"]),
    Case(.edge, ["train", "--link-rate", "1.1"], ["link rate \"1.1\"", "Mbit", "cat1, 3g, 4g, wifi"]),
    Case(.edge, ["train", "--link-rate", "5g"], ["link rate \"5g\"", "cat1, 3g, 4g, wifi"]),
    Case(.edge, ["train", "--link-rate", "-1Mbit"], ["--link-rate"]),
    Case(.edge, ["train", "--link-rate", "0.9kbit"], ["link rate 0.9kbit", "1kbit to 100Gbit"]),
    Case(.edge, ["train", "--link-rate", ""], ["link rate \"\""]),
    Case(.edge, ["train", "--link-delay", "50"], ["link delay \"50\"", "ms or s"]),
    Case(.edge, ["train", "--link-delay", "11s"], ["link delay 11s", "0ms to 10s"]),
    Case(.edge, ["train", "--trace", ""], ["--trace", "empty"]),
    Case(.cloud, ["--trace", ""], ["--trace", "empty"]),
    Case(.edge, ["train", "--threads", "0"], ["--threads 0", "1 to "]),
    Case(.edge, ["train", "--timeout", "0"], ["--timeout 0 ", "more than 0"]),
    Case(.edge, ["train", "--timeout", "nan"], ["--timeout nan", "more than 0"]),
    Case(.edge, ["train", "--data", ""], ["--data", "empty"]),
    Case(.edge, ["train", "--name", ""], ["--name \"\"", "1 to 100"]),
    Case(.edge, ["train", "--run-dir", ""], ["--run-dir", "empty"]),
    Case(
      .edge, ["train", "--cloud", "cloud"], ["--cloud", "\"cloud\"", "host:port", "the port is missing"]),
    Case(.edge, ["train", "--threads", "1000000"], ["--threads 1000000", "on this machine"]),
    Case(.edge, ["train", "--bits", "-1"], ["Missing value", "write --bits=-1 for a negative value"]),
    Case(.edge, ["predict", "--edge-weights", "x", "--threads", "1000000"], ["--threads 1000000"]),
    Case(.edge, ["train", "--cloud", "::1"], ["\"::1\"", "[::1]:7070"]),
    Case(.edge, ["train", "--cloud", "127.0.0.1:0"], ["127.0.0.1:0", "port 0"]),
    Case(.edge, ["train", "--cloud", "127.0.0.1:65536"], ["127.0.0.1:65536", "0 to 65535"]),
    Case(.edge, ["train", "--local", "--cloud", "a:1"], ["--cloud a:1", "--local"]),
    Case(.edge, ["plan", "--local", "--cloud", "a:1"], ["--cloud a:1", "--local"]),
    Case(.edge, ["train", "--one-core-each"], ["--one-core-each needs --local"]),
    Case(.edge, ["train", "--cloud-run-dir", "a"], ["--cloud-run-dir needs --local"]),
    Case(.edge, ["train", "--cloud-log", "a"], ["--cloud-log needs --local"]),
    Case(.edge, ["train", "--local", "--cloud-log", ""], ["--cloud-log is empty"]),
    Case(
      .edge, ["train", "--local", "--one-core-each", "--threads", "2"], ["--threads 2", "--one-core-each"]),
    Case(.edge, ["plan", "--cuts", "0,1"], ["--cuts has 0", "vgg8", "1 to 3"]),
    Case(.edge, ["plan", "--cuts", "1,4"], ["--cuts has 4", "1 to 3"]),
    Case(.edge, ["plan", "--cuts", "1,1"], ["--cuts has 1 more than once"]),
    Case(.edge, ["plan", "--cuts", "1;2"], ["'1;2'", "--cuts"]),
    Case(.edge, ["plan", "--bits", "4,9"], ["--bits: bits is 9", "1 to 8"]),
    Case(.edge, ["plan", "--bits", "4,"], ["'4,'", "--bits"]),
    Case(.edge, ["plan", "--bits", "4,4"], ["--bits has 4 more than once"]),
    Case(.edge, ["plan", "--strategies", "split,cloud"], ["--strategies", "\"cloud\"", "cloud-stream"]),
    Case(.edge, ["plan", "--strategies", "split,split"], ["--strategies has split more than once"]),
    Case(.edge, ["plan", "--min-cut", "4"], ["--min-cut 4", "0 to 3", "vgg8"]),
    Case(.edge, ["plan", "--min-cut", "-1"], ["--min-cut"]),
    Case(.edge, ["plan", "--max-edge-memory", "1TB"], ["'1TB'", "--max-edge-memory"]),
    Case(.edge, ["plan", "--steps", "0"], ["--steps 0", "1 to 16"]),
    Case(.edge, ["plan", "--output", ""], ["--output is empty"]),
    Case(.edge, ["plan", "--batch-size", "0"], ["batch size 0"]),
    Case(.edge, ["plan", "--cloud", "127.0.0.1:0"], ["port 0"]),
    Case(.edge, ["plan", "--link-rate", "5g"], ["link rate \"5g\""]),
    Case(.edge, ["plan", "--strategy", "split"], ["Unknown option '--strategy'"]),
    Case(.edge, ["train", "--no-such-option"], ["Unknown option '--no-such-option'"]),
    Case(.edge, ["train", "--epochs"], ["Missing value", "--epochs"]),
    Case(.edge, ["train", "--epochs", "1\n2"], ["'1 2'", "--epochs"]),
    Case(.edge, ["train", "surplus"], ["'surplus'"]),
    Case(.edge, ["no-such-command"], ["'no-such-command'", "see 'edge-trainer --help'"]),
    Case(.edge, ["help", "foo"], ["'foo'", "see 'edge-trainer --help'"]),
    Case(.edge, ["help", "train", "foo"], ["'foo'"]),
    Case(.cloud, ["help", "foo"], ["'foo'", "see 'cloud-trainer --help'"]),
    Case(.edge, ["describe", "--bits", "9"], ["--bits: bits is 9"]),
    Case(.edge, ["describe", "--bottleneck", "4097"], ["bottleneck of 4097"]),
    Case(
      .cloud, ["--listen", "7070"],
      ["--listen", "\"7070\"", "the port is missing", "see 'cloud-trainer --help'"]),
    Case(.cloud, ["--listen", "localhost:http"], ["\"localhost:http\"", "0 to 65535"]),
    Case(.cloud, ["--listen", ":7070"], ["--listen", "the host is missing", "0.0.0.0"]),
    Case(.cloud, ["--sessions", "0"], ["--sessions 0", "at least 1"]),
    Case(.cloud, ["--max-frame-bytes", "1000"], ["--max-frame-bytes 1000", "1048576"]),
    Case(.cloud, ["--threads", "x"], ["'x'", "--threads"]),
    Case(.cloud, ["--run-dir", ""], ["--run-dir", "empty"]),
    Case(.cloud, ["--no-such-option"], ["Unknown option '--no-such-option'"]),
  ]

  @Test func connectingToNoHostIsNotListening() throws {
    let finished = try ChildProcess.run(.edge, ["train", "--cloud", ":7171"], in: TemporaryDirectory())
    expectError(finished, .edge, code: 64, mentioning: ["--cloud", "\":7171\"", "the host is missing"])
    #expect(!finished.errors.contains("0.0.0.0"))
  }

  @Test func bottleneckThatFitsNoCutNamesOneCutOnce() throws {
    let finished = try ChildProcess.run(.edge, ["describe", "--bottleneck", "0"], in: TemporaryDirectory())
    expectError(finished, .edge, code: 64, mentioning: ["bottleneck of 0", "at cut 1"])
    #expect(finished.errors.components(separatedBy: "cut 1").count == 2, "\(finished.errors)")
  }

  @Test(arguments: cases)
  func wrongUsageIsOneLineAndSixtyFour(_ wrong: Case) throws {
    let finished = try ChildProcess.run(wrong.program, wrong.arguments, in: TemporaryDirectory())
    expectError(finished, wrong.program, code: 64, mentioning: wrong.mentioning + ["--help'"])
    #expect(finished.errorLines.count == 1)
    #expect(finished.output == "")
  }
}
