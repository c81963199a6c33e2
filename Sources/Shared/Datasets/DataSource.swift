import Images
import Platform

/// The kinds of data sets that are known, named as in `--data kind:path` and in config.json.
package enum DatasetKind: String, CaseIterable, Codable, Sendable {
  case cifar10
  case cifar100
  /// Image files in `train/<class>` and `test/<class>`.
  case folder
  case tinyImageNet = "tiny-imagenet"
  /// Drawn by the program.
  case synthetic

  /// What lies in a directory; CIFAR-10, whose files an error then names, where there is nothing and no folder.
  package static func recognize(_ directory: String) -> DatasetKind {
    func has(_ name: String) -> Bool { access("\(directory)/\(name)", F_OK) == 0 }
    if has(CIFAR10.trainFileNames[0]) { return .cifar10 }
    if has(CIFAR100.trainFileName) || has("fine_label_names.txt") { return .cifar100 }
    if has(TinyImageNet.annotations) { return .tinyImageNet }
    return has("train") || DirectoryEntry.hasFolders(directory) ? .folder : .cifar10
  }

  /// Whether it consists of image files.
  package var isMadeOfFiles: Bool { self == .folder || self == .tinyImageNet }

  /// How long a side of its images is if nothing else is asked for.
  package var imageSize: Int { self == .tinyImageNet ? 64 : ImageSize.standard }
}

/// Which mean and deviation the values of images are normalized with.
package enum NormalizationFigures: String, CaseIterable, Codable, Sendable {
  /// Those of the data set: published, or computed from the images for training.
  case data
  case cifar10
  /// Those that torchvision's weights were trained with.
  case imagenet

  /// A task whose values are normalized so.
  package func normalizing(_ task: ImageTask) -> ImageTask {
    let (mean, deviation): ([Float], [Float]) =
      switch self {
      case .data: (task.mean, task.deviation)
      case .cifar10: (ImageTask.cifar10.mean, ImageTask.cifar10.deviation)
      case .imagenet: ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
      }
    return ImageTask(
      shape: task.shape, classes: task.classes, mean: mean, deviation: deviation, classNames: task.classNames)
  }
}

/// What decides, beside the directory, which images a data set gives.
package struct DatasetSettings: Codable, Equatable, Sendable {
  /// Pixels of a side; nil for what is usual for the kind.
  package var imageSize: Int?
  /// The first so many only; of synthetic images how many there are. Nil for all.
  package var classes: Int?
  package var labels = CIFAR100.Labels.fine
  /// What part is kept for testing where there is none.
  package var testFraction: Double?
  package var normalization = NormalizationFigures.data
  package var skipsUnreadable = false

  package init() {}
}

/// A data set that is open.
package struct OpenDataset: Sendable {
  package fileprivate(set) var train: any LabeledImages
  package fileprivate(set) var test: any LabeledImages
  /// What was decoded; nil for a kind that is not made of image files.
  package let cache: ImageCache?
  /// How many files of other kinds were passed over.
  package let otherFiles: Int

  package init(train: any LabeledImages, test: any LabeledImages, cache: ImageCache? = nil, otherFiles: Int = 0) {
    (self.train, self.test, self.cache, self.otherFiles) = (train, test, cache, otherFiles)
  }
}

extension DatasetKind {
  /// Opens a data set that is not drawn.
  ///
  /// - Parameters:
  ///   - directory: where it is.
  ///   - settings: what is wanted of it.
  ///   - cache: for image files; its image size is set here.
  /// - Throws: `DatasetError`; as `ImageCache.init`.
  package func open(_ directory: String, _ settings: DatasetSettings, cache: ImageCache.Settings) throws -> OpenDataset
  {
    var dataset = try openAll(directory, settings, cache)
    if let classes = settings.classes {
      guard (2...dataset.train.task.classes).contains(classes) else {
        throw DatasetError.folder(
          path: directory,
          problem: "--classes \(classes) is out of range: 2 to the \(dataset.train.task.classes) there are")
      }
      dataset.train = dataset.train.limited(toClasses: classes)
      dataset.test = dataset.test.limited(toClasses: classes)
      guard dataset.train.count > 0, dataset.test.count > 0 else {
        throw DatasetError.folder(path: directory, problem: "no images of the first \(classes) classes")
      }
    }
    let task = settings.normalization.normalizing(dataset.train.task)
    dataset.train = dataset.train.normalized(as: task)
    dataset.test = dataset.test.normalized(as: task)
    return dataset
  }

  private func openAll(
    _ directory: String, _ settings: DatasetSettings, _ cache: ImageCache.Settings
  ) throws -> OpenDataset {
    switch self {
    case .cifar10:
      let (train, test) = try CIFAR10.open(directory: directory)
      return OpenDataset(train: train, test: test)
    case .cifar100:
      let (train, test) = try CIFAR100.open(directory: directory, labels: settings.labels)
      return OpenDataset(train: train, test: test)
    case .synthetic: preconditionFailure("nothing to open")
    case .folder, .tinyImageNet:
      try RecordFile.checkDirectory(directory)
      let listing =
        self == .folder
        ? try ImageFolder.list(directory, testFraction: settings.testFraction) : try TinyImageNet.list(directory)
      var cacheSettings = cache
      cacheSettings.imageSize = settings.imageSize ?? imageSize
      let cache = try ImageCache(listing, cacheSettings)
      if !settings.skipsUnreadable, let first = cache.unreadable.first {
        throw DatasetError.unreadableImages(count: cache.unreadable.count, first: "\(directory)/\(first)")
      }
      let (train, test) = try cache.open()
      return OpenDataset(train: train, test: test, cache: cache, otherFiles: listing.otherFiles)
    }
  }
}
