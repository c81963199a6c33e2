import CJPEG
import CPNG

/// The libraries that read images.
package enum ImageLibraries {
  /// "libjpeg-turbo 2.1.5", by the headers that this was built with.
  package static var jpeg: String {
    let number = trainer_jpeg_turbo_version()
    return number == 0 ? "libjpeg" : "libjpeg-turbo \(number / 1_000_000).\(number / 1000 % 1000).\(number % 1000)"
  }

  /// "libpng 1.6.39".
  package static var png: String { "libpng " + (png_get_libpng_ver(nil).map { String(cString: $0) } ?? "") }
}
