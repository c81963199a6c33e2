import Compute
import Datasets

/// How `edge-trainer train` was called, as far as the run's configuration does not say it. The edge's `config.json` has
/// both, under the names of the options, so that it is a complete command, and can be given to `--config`; the cloud is
/// told none of this.
///
/// What is missing was not given, or is the default.
package struct CommandOptions: Codable, Equatable, Sendable {
  /// What the user calls the run.
  package var name: String?
  /// The value of `--data`, absolute.
  package var data: String?
  package var imageSize: Int?
  package var classes: Int?
  package var labels: CIFAR100.Labels?
  package var testFraction: Double?
  package var normalization: NormalizationFigures?
  package var skipUnreadable: Bool?
  package var cloud: String?
  package var offline: Bool?
  package var wait: Bool?
  package var local: Bool?
  package var oneCoreEach: Bool?
  /// Absolute.
  package var cloudRunDir: String?
  package var tls: Bool?
  package var insecure: Bool?
  /// Absolute, as the three below.
  package var stateDir: String?
  package var tlsCertificate: String?
  package var tlsKey: String?
  package var tlsAuthority: String?
  package var threads: Int
  package var convolution: ConvolutionMethod
  package var timeout: Double?
  package var checkpointInterval: Double?
  package var reconnectFor: Double?
  package var spool: Int?
  package var maxMemory: Int?
  /// Absolute, separated by commas.
  package var initialWeights: String?
  package var sendWeights: Bool?

  package init(threads: Int, convolution: ConvolutionMethod) {
    self.threads = threads
    self.convolution = convolution
  }

  /// The images, in an absolute place.
  package mutating func take(_ dataset: DatasetSettings, data: String) {
    let usual = DatasetSettings()
    self.data = data
    (imageSize, classes, testFraction) = (dataset.imageSize, dataset.classes, dataset.testFraction)
    labels = dataset.labels == usual.labels ? nil : dataset.labels
    normalization = dataset.normalization == usual.normalization ? nil : dataset.normalization
    skipUnreadable = dataset.skipsUnreadable ? true : nil
  }
}
