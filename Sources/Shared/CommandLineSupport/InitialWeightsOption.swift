import ArgumentParser
import Training

/// What both programs ask about the weights from which a run begins.
package struct InitialWeightsOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      Begin with weights from files, in place of those that the seed makes: edge.safetensors and cloud.safetensors of \
      a run, or others with torchvision's names. What fits this side's part of the network by name and shape is taken.
      """, valueName: "file,file"), completion: .file(extensions: ["safetensors"]))
  package var initialWeights: String?

  package init() {}

  /// The paths, in the order in which they are looked at.
  package var paths: [String] { initialWeights?.split(separator: ",").map(String.init) ?? [] }

  package func validate() throws {
    guard let initialWeights else { return }
    let files = initialWeights.split(separator: ",", omittingEmptySubsequences: false)
    guard (1...Self.mostFiles).contains(files.count), !files.contains("") else {
      throw ValidationError(
        "--initial-weights \"\(initialWeights)\": expected 1 to \(Self.mostFiles) files, separated by commas")
    }
  }

  private static let mostFiles = 16

  /// Opens the files.
  ///
  /// - Returns: nil if none are given.
  /// - Throws: `SafetensorsError`.
  package func open() throws -> InitialWeights? { paths.isEmpty ? nil : try InitialWeights(paths) }
}
