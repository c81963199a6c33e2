import CSourceCommit
import Compute
import Images
import Training
import Transport
import Trust

/// What `--version` prints: this software, and the libraries that it found.
package enum VersionText {
  package static func of(_ program: String) -> String {
    let libraries = [
      "\(GEMM.libraryVersion) (kernels \(GEMM.kernelName))", "OpenSSL \(OpenSSLLibrary.version)",
      "zstd \(ZstdLibrary.version)", ImageLibraries.jpeg, ImageLibraries.png,
    ]
    return """
      \(program) \(Software.version) (commit \(String(cString: trainer_source_commit())))
      \(libraries.joined(separator: ", "))
      """
  }
}
