// swift-tools-version: 6.2
import PackageDescription

/// Optimized in a debug build, too, since the tests train networks.
let optimized: [SwiftSetting] = [.unsafeFlags(["-O"], .when(configuration: .debug))]

/// A module below Sources/Shared. The compiler keeps the rooms apart: an arrow that is not here does not compile.
///
/// - Parameter computes: whether it is `optimized` in any build.
func module(_ name: String, _ dependencies: [Target.Dependency], computes: Bool = false) -> Target {
  .target(
    name: name, dependencies: dependencies, path: "Sources/Shared/\(name)",
    swiftSettings: computes ? optimized : [])
}

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let systemPackage = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")

/// What reads bytes from outside is fed by tests, or, where scripts/fuzz.sh sets FUZZ, by libFuzzer with its own main.
let fuzzed: [Target.Dependency] = [
  "CommandLineSupport", "ImageFixtures", "Images", "Terminal", "Training", "Transport", "Trust", "WeightFiles",
]
let fuzzTests: Target =
  Context.environment["FUZZ"] == nil
  ? .testTarget(name: "FuzzTests", dependencies: fuzzed, exclude: ["FuzzMain.swift"])
  : .executableTarget(
    name: "fuzz", dependencies: fuzzed, path: "Tests/FuzzTests", exclude: ["FailedInputs.swift", "FuzzTests.swift"])

let package = Package(
  name: "hierarchical-trainer",
  products: [
    .executable(name: "edge-trainer", targets: ["EdgeTrainer"]),
    .executable(name: "cloud-trainer", targets: ["CloudTrainer"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.0"),
  ],
  targets: [
    .systemLibrary(name: "CBLAS", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(
      name: "CZstd", path: "Sources/Shared/CZstd", providers: [.apt(["libzstd-dev"])]),
    .systemLibrary(
      name: "COpenSSL", path: "Sources/Shared/COpenSSL", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(
      name: "CJPEG", path: "Sources/Shared/CJPEG", providers: [.apt(["libjpeg-dev"])]),
    .systemLibrary(
      name: "CPNG", path: "Sources/Shared/CPNG", providers: [.apt(["libpng-dev"])]),
    module("Platform", [systemPackage], computes: true),
    module("Compute", ["CBLAS", "Platform"], computes: true),
    module("NeuralNetwork", ["Compute", "Platform"], computes: true),
    module("Images", ["CJPEG", "CPNG", "Platform"], computes: true),
    module("Datasets", ["Compute", "Images", "Platform"], computes: true),
    module("Transport", ["CZstd", "Platform", deque], computes: true),
    module("Trust", ["COpenSSL", "Platform", "Transport"], computes: true),
    module("WeightFiles", ["Platform"], computes: true),
    module("RunFiles", ["Compute", "Platform", "Transport", systemPackage]),
    module("Terminal", ["Platform", logging]),
    module(
      "Training",
      [
        "Compute", "Datasets", "NeuralNetwork", "Platform", "RunFiles", "Terminal", "Transport", "Trust",
        "WeightFiles", deque, logging,
      ]),
    module("EdgeSide", ["Training", deque]),
    module("CloudSide", ["Training", deque]),
    module("Planning", ["EdgeSide"]),
    .target(
      name: "CSourceCommit", path: "Sources/Shared/CSourceCommit",
      cSettings: [.define("SOURCE_COMMIT", to: "\"\(Context.environment["SOURCE_COMMIT"] ?? "unknown")\"")]),
    module("CommandLineSupport", ["CSourceCommit", "Training", argumentParser]),
    .executableTarget(
      name: "EdgeTrainer", dependencies: ["CommandLineSupport", "EdgeSide", "Planning", argumentParser]),
    .executableTarget(
      name: "CloudTrainer", dependencies: ["CloudSide", "CommandLineSupport", argumentParser]),
    // No product: whoever builds the programs does not build it.
    .executableTarget(
      name: "benchmark", dependencies: ["CommandLineSupport", argumentParser],
      path: "Sources/Benchmark"),
    .target(
      name: "TestSupport", dependencies: ["Compute", "Datasets", "NeuralNetwork", "Platform", "RunFiles"],
      path: "Tests/TestSupport", swiftSettings: optimized),
    .testTarget(name: "PlatformTests", dependencies: ["Platform", "TestSupport"]),
    // Their references are loops.
    .testTarget(name: "ComputeTests", dependencies: ["Compute", "TestSupport"], swiftSettings: optimized),
    .testTarget(
      name: "NeuralNetworkTests", dependencies: ["NeuralNetwork", "TestSupport"],
      exclude: ["generate-schedule-goldens.py"], swiftSettings: optimized),
    .target(name: "ImageFixtures", path: "Tests/ImageFixtures"),
    .testTarget(name: "ImagesTests", dependencies: ["ImageFixtures", "Images", "TestSupport"]),
    .testTarget(name: "DatasetsTests", dependencies: ["Datasets", "TestSupport"]),
    .testTarget(name: "TransportTests", dependencies: ["TestSupport", "Transport"]),
    .testTarget(name: "TrustTests", dependencies: ["TestSupport", "Trust"]),
    .testTarget(name: "WeightFilesTests", dependencies: ["TestSupport", "WeightFiles"]),
    .testTarget(name: "RunFilesTests", dependencies: ["RunFiles", "TestSupport"]),
    .testTarget(name: "TerminalTests", dependencies: ["Terminal", "TestSupport"]),
    .testTarget(name: "TrainingTests", dependencies: ["TestSupport", "Training"]),
    .testTarget(name: "PlanningTests", dependencies: ["Planning"]),
    // What takes both sides: in one process, over loopback.
    .testTarget(name: "SessionTests", dependencies: ["CloudSide", "EdgeSide", "Planning", "TestSupport"]),
    .testTarget(name: "CommandLineSupportTests", dependencies: ["CommandLineSupport", "TestSupport"]),
    fuzzTests,
    // The programs as they are called.
    .testTarget(
      name: "EndToEndTests", dependencies: ["CloudTrainer", "EdgeTrainer", "TestSupport"],
      exclude: ["Snapshots"]),
  ]
)
