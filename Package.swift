// swift-tools-version: 6.0
import PackageDescription

let package = Package(
  name: "hierarchical-trainer",
  products: [
    .executable(name: "edge-trainer", targets: ["EdgeTrainer"]),
    .executable(name: "cloud-trainer", targets: ["CloudTrainer"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
  ],
  targets: [
    .systemLibrary(name: "CBLAS", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(
      name: "CZstd", path: "Sources/Shared/CZstd", providers: [.apt(["libzstd-dev"])]),
    .target(name: "Compute", dependencies: ["CBLAS"], path: "Sources/Shared/Compute"),
    .target(
      name: "NeuralNetwork", dependencies: ["Compute"], path: "Sources/Shared/NeuralNetwork"),
    .target(name: "Datasets", dependencies: ["Compute"], path: "Sources/Shared/Datasets"),
    .target(name: "Transport", dependencies: ["CZstd"], path: "Sources/Shared/Transport"),
    .target(
      name: "HierarchicalTraining",
      dependencies: [
        "Compute", "NeuralNetwork", "Datasets", "Transport",
        .product(name: "Logging", package: "swift-log"),
      ],
      path: "Sources/Shared/HierarchicalTraining"),
    .target(
      name: "CommandLineSupport",
      dependencies: [
        "HierarchicalTraining",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ],
      path: "Sources/Shared/CommandLineSupport"),
    .executableTarget(
      name: "EdgeTrainer",
      dependencies: [
        "CommandLineSupport", "HierarchicalTraining",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .executableTarget(
      name: "CloudTrainer",
      dependencies: [
        "CommandLineSupport", "HierarchicalTraining",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .testTarget(name: "ComputeTests", dependencies: ["Compute"]),
    .testTarget(name: "NeuralNetworkTests", dependencies: ["NeuralNetwork", "Compute"]),
    .testTarget(name: "DatasetsTests", dependencies: ["Datasets"]),
    .testTarget(name: "TransportTests", dependencies: ["Transport"]),
    .testTarget(name: "HierarchicalTrainingTests", dependencies: ["HierarchicalTraining"]),
    .testTarget(
      name: "EndToEndTests",
      dependencies: [
        "CommandLineSupport", "Compute", "HierarchicalTraining", "Transport", "EdgeTrainer", "CloudTrainer",
      ],
      exclude: ["Snapshots"]),
  ]
)
