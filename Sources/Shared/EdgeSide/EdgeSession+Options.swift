import Compute
import Platform
import RunFiles
import Training
import Transport

extension EdgeSession {
  /// What a run needs beside its configuration.
  package struct Options {
    /// Nil for a strategy without a cloud, or to train without it for now.
    package var cloud: Endpoint?
    package var compute: ComputeSettings
    /// Where the run's files go.
    package var directory: String
    package var run: RunIdentifier
    /// What the command that resumes the run need not be told again.
    package var settings: RunProgress.Settings
    /// From what this side's weights begin; nil for what the seed makes. A run that goes on has its weights.
    package var initialWeights: InitialWeights?
    /// From what the cloud's weights begin, which are sent to it; nil for what it has, or the seed makes. A run that
    /// goes on has them in its directory.
    package var cloudWeights: InitialWeights?
    /// Whether a cloud that is not there yet, or busy, is waited for.
    package var waits = false
    /// Between attempts to reach the cloud again; shorter ones in tests.
    var pauses = RetryPauses()
    /// The system calls that write the files; others in tests, a full disk for example.
    package var operations = FileOperations.live
    /// Those that connect it; others in tests, a link that breaks for example.
    package var socketOperations = SocketOperations.live
    /// Where the times of the run are recorded.
    package var timeline: Timeline?

    package init(
      cloud: Endpoint?, compute: ComputeSettings, directory: String, run: RunIdentifier, settings: RunProgress.Settings
    ) {
      self.settings = settings
      self.cloud = cloud
      self.compute = compute
      self.directory = directory
      self.run = run
    }
  }
}
