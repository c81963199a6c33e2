import Compute
import Platform

/// Decodes the files of a folder and writes an `ImageCacheFormat` file.
struct ImageCacheWriter {
  /// Records that are in memory at the same time have about so many bytes.
  private static let pieceBytes = 1 << 23

  private enum Outcome {
    case image(ImageSides)
    case unreadable(String)
  }

  /// Sums over the values of each channel, exact whatever their order.
  private struct Sums {
    var values: SIMD3<UInt64> = .zero
    var squares: SIMD3<UInt64> = .zero

    mutating func add(_ planes: UnsafePointer<UInt8>, area: Int) {
      for channel in 0..<3 {
        let plane = UnsafeBufferPointer(start: planes + channel * area, count: area)
        var (sum, square) = (0, 0)
        for byte in plane {
          sum &+= Int(byte)
          square &+= Int(byte) &* Int(byte)
        }
        values[channel] += UInt64(sum)
        squares[channel] += UInt64(square)
      }
    }
  }

  /// How far the file is.
  private struct State {
    var description: ImageCacheFormat.Description
    var sums = Sums()
    var sides: [ImageSides] = []
    /// Files that are decoded, or cannot be.
    var done = 0
    var checksum: UInt32 = 0

    mutating func append(_ bytes: UnsafeRawBufferPointer, to writer: borrowing AtomicFile.Writer) throws {
      checksum = CRC32C.checksum(bytes, continuing: checksum)
      try writer.write(bytes)
    }

    mutating func append(_ bytes: [UInt8], to writer: borrowing AtomicFile.Writer) throws {
      try bytes.withUnsafeBytes { try append($0, to: writer) }
    }
  }

  private let listing: FolderListing
  private let settings: ImageCache.Settings
  private let wanted: ImageCacheFormat.Description
  private let format: RecordFormat
  private let reader = ImageFileReader()

  init(_ listing: FolderListing, _ settings: ImageCache.Settings, _ wanted: ImageCacheFormat.Description) {
    self.listing = listing
    self.settings = settings
    self.wanted = wanted
    format = ImageCacheFormat.recordFormat(imageSize: wanted.imageSize, classes: wanted.classNames.count)
  }

  /// - Returns: what was written.
  /// - Throws: as `ImageCache.init`; nothing is left at `path` then but what was there.
  func write(to path: String) throws -> ImageCacheFormat.Description {
    let pool = try WorkerPool(workers: settings.threads)
    var state = State(description: wanted)
    state.description.unreadable = listing.unreadable
    try AtomicFile.write(to: path, mode: 0o600) { writer in
      try state.append(ImageCacheFormat.header, to: writer)
      state.description.trainImages = try write(listing.train, pool, &state, to: writer)
      let sums = state.sums
      state.description.testImages = try write(listing.test, pool, &state, to: writer)
      guard state.description.trainImages > 0, state.description.testImages > 0 else { throw error(state.description) }
      finish(&state.description, sums)
      state.description.sourceSizes = SourceSizes(state.sides)
      var end = try ImageCacheFormat.encode(state.description)
      end.appendLittleEndian(UInt32(end.count))
      try state.append(end, to: writer)
      var checksum: [UInt8] = []
      checksum.appendLittleEndian(state.checksum)
      try state.append(checksum, to: writer)
    }
    return state.description
  }

  /// No image of a part can be read.
  private func error(_ description: ImageCacheFormat.Description) -> DatasetError {
    guard !description.unreadable.isEmpty else { return .folder(path: listing.root, problem: "no images") }
    return .nothingReadable(
      path: listing.root, purpose: description.trainImages == 0 ? "training" : "testing",
      files: description.unreadable)
  }

  /// - Returns: how many of the files are images.
  private func write(
    _ files: [FolderListing.File], _ pool: WorkerPool, _ state: inout State, to writer: borrowing AtomicFile.Writer
  ) throws -> Int {
    let size = format.recordBytes
    let piece = max(4 * pool.workers, Self.pieceBytes / size)
    let records = UnsafeMutablePointer<UInt8>.allocate(capacity: piece * size)
    defer { records.deallocate() }
    var count = 0
    for start in stride(from: 0, to: files.count, by: piece) {
      let files = files[start..<min(start + piece, files.count)]
      let outcomes = decode(files, pool, into: records, &state.sums)
      // The files that were not looked at any more are no images yet.
      if settings.interruption.isRequested { throw InterruptedError() }
      for (place, outcome) in outcomes.enumerated() {
        switch outcome {
        case .image(let sides):
          count += 1
          state.sides.append(sides)
          try state.append(UnsafeRawBufferPointer(start: records + place * size, count: size), to: writer)
        case .unreadable(let reason):
          state.description.unreadable.append(.init(path: files[start + place].path, reason: reason))
        }
      }
      state.done += files.count
      settings.progress(state.done, listing.train.count + listing.test.count)
    }
    return count
  }

  private func decode(
    _ files: ArraySlice<FolderListing.File>, _ pool: WorkerPool, into records: UnsafeMutablePointer<UInt8>,
    _ sums: inout Sums
  ) -> [Outcome] {
    let outcomes = UnsafeMutableBufferPointer<Outcome>.allocate(capacity: files.count)
    outcomes.initialize(repeating: .unreadable(""))
    defer { outcomes.deinitialize().deallocate() }
    let parts = UnsafeMutableBufferPointer<Sums>.allocate(capacity: pool.workers)
    parts.initialize(repeating: Sums())
    defer { parts.deallocate() }
    // Each takes every so many, since neighbours are often as large as each other.
    pool.run { worker in
      for place in stride(from: worker, to: files.count, by: pool.workers) {
        if settings.interruption.isRequested { return }
        let file = files[files.startIndex + place]
        let record = records + place * format.recordBytes
        record[0] = UInt8(truncatingIfNeeded: file.label)
        record[1] = UInt8(truncatingIfNeeded: file.label >> 8)
        let planes = record + 2
        outcomes[place] = read(file, into: planes)
        if case .image = outcomes[place] { parts[worker].add(planes, area: format.imageBytes / 3) }
      }
    }
    for part in parts {
      sums.values &+= part.values
      sums.squares &+= part.squares
    }
    return Array(outcomes)
  }

  private func read(_ file: FolderListing.File, into planes: UnsafeMutablePointer<UInt8>) -> Outcome {
    let planes = UnsafeMutableBufferPointer(start: planes, count: format.imageBytes)
    do {
      return .image(try reader.read("\(listing.root)/\(file.path)", size: wanted.imageSize, into: planes))
    } catch { return .unreadable(error.reason) }
  }

  /// Rounded to four digits, as such figures are published.
  private func finish(_ description: inout ImageCacheFormat.Description, _ sums: Sums) {
    let count = Double(description.trainImages * (format.imageBytes / 3))
    for channel in 0..<3 {
      let mean = Double(sums.values[channel]) / count
      let variance = max(0, Double(sums.squares[channel]) / count - mean * mean)
      description.mean.append((mean / 255 * 10_000).rounded() / 10_000)
      // Images without any difference are divided by that of one step.
      description.deviation.append((max(1, variance.squareRoot()) / 255 * 10_000).rounded() / 10_000)
    }
  }
}
