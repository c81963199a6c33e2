import Platform

/// Images in folders, one for each class, as torchvision's `ImageFolder` has them.
///
/// ```
/// directory/train/<class>/…/*.jpg, *.jpeg, *.png
/// directory/test/<class>/…      or val; without either, a part of the training images is kept for testing
/// ```
enum ImageFolder {
  private static let extensions = [".jpg", ".jpeg", ".png"]
  private static let testNames = ["test", "val", "valid", "validation"]

  /// Finds the files.
  ///
  /// - Parameter testFraction: what part of the training images is kept for testing, where there is no folder for that;
  ///   nil for an error.
  /// - Throws: `DatasetError` naming the folder, what was expected and what was found.
  static func list(_ directory: String, testFraction: Double?) throws(DatasetError) -> FolderListing {
    let parts = try DirectoryEntry.list(directory) { _ in }.filter {
      if case .directory = $0.kind { true } else { false }
    }
    .map(\.name)
    var listing = try listTraining(directory)
    let classNames = listing.classNames
    if let test = testNames.first(where: parts.contains) {
      for name in try classes(in: "\(directory)/\(test)") where !classNames.contains(name) {
        throw .folder(path: "\(directory)/\(test)/\(name)", problem: "no such class in \(directory)/train")
      }
      listing.test = try files(in: test, of: classNames, &listing, mayBeMissing: true)
      guard !listing.test.isEmpty else { throw .folder(path: "\(directory)/\(test)", problem: "no images for testing") }
    } else {
      guard let testFraction else {
        throw .folder(
          path: directory, problem: "no images for testing: neither test nor val; --test-fraction 0.1 keeps a part")
      }
      listing.partition = "\(testFraction)"
      listing.test = listing.train.filter { isTest($0.path, testFraction) }
      listing.train.removeAll { isTest($0.path, testFraction) }
      guard !listing.test.isEmpty, !listing.train.isEmpty else {
        throw .folder(
          path: directory,
          problem: "--test-fraction \(testFraction) of \(listing.train.count + listing.test.count) images leaves"
            + " \(listing.test.count) for testing and \(listing.train.count) for training")
      }
    }
    listing.sort()
    return listing
  }

  /// Finds the files for training alone.
  ///
  /// - Throws: `DatasetError`.
  static func listTraining(_ directory: String) throws(DatasetError) -> FolderListing {
    let classNames = try trainingClasses(directory)
    var listing = FolderListing(root: directory, classNames: classNames)
    listing.train = try files(in: "train", of: classNames, &listing)
    return listing
  }

  /// Whether a file belongs to the part for testing: by its path in the folder of training alone, so that it stays
  /// there whatever files come and go.
  static func isTest(_ path: String, _ fraction: Double) -> Bool {
    Double(CRC32C.checksum(path)) < fraction * 0x1p32
  }

  /// The names of the folders of the part for training.
  private static func trainingClasses(_ directory: String) throws(DatasetError) -> [String] {
    let path = "\(directory)/train"
    if access(directory, F_OK) == 0, access(path, F_OK) != 0, errno == ENOENT {
      throw .folder(
        path: directory,
        problem: "no folder train in it: expected train/<class>/ with the JPEG or PNG files of each class")
    }
    return try classes(in: path)
  }

  /// The names of the folders.
  private static func classes(in path: String) throws(DatasetError) -> [String] {
    var foreign: String?
    let entries = try DirectoryEntry.list(path) { foreign = $0 }
    if let foreign {
      throw .folder(path: "\(path)/\(foreign)", problem: "the name of the class is not UTF-8; rename it")
    }
    var names: [String] = []
    var spellings: [String: String] = [:]
    for entry in entries {
      switch entry.kind {
      case .directory: break
      case .broken(let code): throw .directoryNotReadable(path: "\(path)/\(entry.name)", code: code)
      case .file, .other: continue
      }
      guard ImageTask.classNameBytes.contains(entry.name.utf8.count),
        !entry.name.unicodeScalars.contains(where: isControl)
      else { throw .folder(path: "\(path)/\(entry.name)", problem: "a class's name has no control characters") }
      if let other = spellings.updateValue(entry.name, forKey: entry.name.lowercased()) {
        throw .folder(
          path: path, problem: "the classes \(other) and \(entry.name) differ by case only; rename or merge them")
      }
      names.append(entry.name)
    }
    return names
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool { scalar.value < 32 || scalar.value == 127 }

  private static func files(
    in part: String, of classNames: [String], _ listing: inout FolderListing, mayBeMissing: Bool = false
  ) throws(DatasetError) -> [FolderListing.File] {
    guard ImageTask.classCounts.contains(classNames.count) else {
      throw .folder(
        path: "\(listing.root)/\(part)",
        problem: "\(classNames.count) \(classNames.count == 1 ? "class" : "classes"), expected a folder for each of"
          + " \(ImageTask.classCounts.lowerBound) to \(ImageTask.classCounts.upperBound)")
    }
    var files: [FolderListing.File] = []
    for (label, name) in classNames.enumerated() {
      let path = "\(part)/\(name)"
      if mayBeMissing, access("\(listing.root)/\(path)", F_OK) != 0 { continue }
      let before = files.count
      try append(path, UInt16(label), above: [], to: &files, &listing)
      if !mayBeMissing, files.count == before {
        throw .folder(path: "\(listing.root)/\(path)", problem: "no image (.jpg, .jpeg, .png) of class \(name)")
      }
    }
    return files
  }

  /// Appends what lies in a folder of a class and in the folders below it.
  ///
  /// - Parameter above: the folders on the way there, which a link must not lead back to.
  private static func append(
    _ path: String, _ label: UInt16, above: [[UInt64]], to files: inout [FolderListing.File],
    _ listing: inout FolderListing
  ) throws(DatasetError) {
    var unreadable: [FolderListing.Unreadable] = []
    for entry in try DirectoryEntry.list(
      "\(listing.root)/\(path)",
      foreign: { unreadable.append(.init(path: "\(path)/\($0)", reason: "its name is no UTF-8")) })
    {
      let child = "\(path)/\(entry.name)"
      let isImage = extensions.contains { entry.name.lowercased().hasSuffix($0) }
      switch entry.kind {
      case .directory:
        guard !above.contains(entry.identity), above.count < 32 else {
          throw .folder(path: "\(listing.root)/\(child)", problem: "a link that leads back to a folder that it lies in")
        }
        try append(child, label, above: above + [entry.identity], to: &files, &listing)
      case .file(let size, let modified) where isImage:
        files.append(
          FolderListing.File(
            path: child, label: label, size: size, modifiedSeconds: modified.tv_sec,
            modifiedNanoseconds: modified.tv_nsec))
      case .broken(let code) where isImage: unreadable.append(.init(path: child, reason: SystemError.text(of: code)))
      case .other where isImage: unreadable.append(.init(path: child, reason: "not a regular file"))
      case .file, .other, .broken: listing.otherFiles += 1
      }
    }
    listing.unreadable += unreadable
  }
}
