// swift-tools-version: 6.0
import PackageDescription

// A package beside the main one, so that users of the programs do not build it. It measures the very sources of the
// main package, through symbolic links: what they share is `package`, which another package could not see.
let package = Package(
  name: "benchmarks",
  products: [.executable(name: "benchmark", targets: ["Benchmark"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
  ],
  targets: [
    .systemLibrary(name: "CBLAS", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(name: "CZstd", providers: [.apt(["libzstd-dev"])]),
    .target(name: "Compute", dependencies: ["CBLAS"]),
    .target(name: "NeuralNetwork", dependencies: ["Compute"]),
    .target(name: "Datasets", dependencies: ["Compute"]),
    .target(name: "Transport", dependencies: ["CZstd"]),
    .target(
      name: "HierarchicalTraining",
      dependencies: [
        "Compute", "NeuralNetwork", "Datasets", "Transport",
        .product(name: "Logging", package: "swift-log"),
      ]),
    .target(
      name: "CommandLineSupport",
      dependencies: [
        "HierarchicalTraining",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ]),
    .executableTarget(
      name: "Benchmark",
      dependencies: [
        "CommandLineSupport", "HierarchicalTraining", "Compute", "NeuralNetwork", "Datasets", "Transport",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
  ]
)
