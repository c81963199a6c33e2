/// CIFAR-10 in its binary format: a record is one label byte and the red, green and blue plane.
package enum CIFAR10 {
  package static let trainFileNames = (1...5).map { "data_batch_\($0).bin" }
  package static let testFileNames = ["test_batch.bin"]

  /// Opens the five training files and the test file in `directory`.
  ///
  /// - Parameters:
  ///   - directory: the folder `cifar-10-batches-bin`.
  ///   - recordsPerFile: records that each file must have; other than 10,000 only in tests.
  /// - Returns: the training images in the order of the files, and the test images.
  /// - Throws: `DatasetError` naming the file, what was expected and what was found.
  package static func open(directory: String, recordsPerFile: Int = 10_000) throws(DatasetError) -> (
    train: RecordImages, test: RecordImages
  ) {
    try RecordFile.checkDirectory(directory)
    let task = ImageTask.cifar10
    let format = RecordFormat(label: .byte(index: 0, of: 1), imageBytes: task.imageBytes, classes: task.classes)
    func part(_ names: [String]) throws(DatasetError) -> RecordImages {
      try RecordImages(
        task, paths: names.map { "\(directory)/\($0)" }, recordsPerFile: recordsPerFile, format: format)
    }
    return (try part(trainFileNames), try part(testFileNames))
  }
}

/// CIFAR-100 in its binary format: a record is a coarse and a fine label byte and the red, green and blue plane.
package enum CIFAR100 {
  package static let trainFileName = "train.bin"
  package static let testFileName = "test.bin"

  package enum Labels: String, CaseIterable, Codable, Sendable {
    /// 100 classes.
    case fine
    /// 20 classes, of five fine ones each.
    case coarse
  }

  /// Opens both files in `directory`.
  ///
  /// - Parameters:
  ///   - directory: the folder `cifar-100-binary`.
  ///   - labels: which of each image's two labels is its class.
  ///   - records: of the training and the test file; others than those of the data set only in tests.
  /// - Throws: `DatasetError` naming the file, what was expected and what was found.
  package static func open(
    directory: String, labels: Labels = .fine, records: (train: Int, test: Int) = (50_000, 10_000)
  ) throws(DatasetError) -> (train: RecordImages, test: RecordImages) {
    try RecordFile.checkDirectory(directory)
    let task = task(labels)
    let format = RecordFormat(
      label: .byte(index: labels == .coarse ? 0 : 1, of: 2), imageBytes: task.imageBytes, classes: task.classes)
    func part(_ name: String, _ records: Int) throws(DatasetError) -> RecordImages {
      try RecordImages(task, paths: ["\(directory)/\(name)"], recordsPerFile: records, format: format)
    }
    return (try part(trainFileName, records.train), try part(testFileName, records.test))
  }

  /// Mean and deviation are those of all pixels of the 50,000 training images: the figures in general use.
  package static func task(_ labels: Labels) -> ImageTask {
    ImageTask(
      shape: ImageTask.cifar10.shape, classes: labels == .fine ? fineNames.count : coarseNames.count,
      mean: [0.5071, 0.4865, 0.4409], deviation: [0.2673, 0.2564, 0.2762],
      classNames: labels == .fine ? fineNames : coarseNames)
  }

  /// As in `fine_label_names.txt` of the data set.
  private static let fineNames = words(
    """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle \
    caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant \
    flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man \
    maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree \
    plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper \
    snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor train \
    trout tulip turtle wardrobe whale willow_tree wolf woman worm
    """)

  /// As in `coarse_label_names.txt`.
  private static let coarseNames = words(
    """
    aquatic_mammals fish flowers food_containers fruit_and_vegetables household_electrical_devices \
    household_furniture insects large_carnivores large_man-made_outdoor_things large_natural_outdoor_scenes \
    large_omnivores_and_herbivores medium_mammals non-insect_invertebrates people reptiles small_mammals trees \
    vehicles_1 vehicles_2
    """)

  private static func words(_ text: String) -> [String] { text.split(separator: " ").map(String.init) }
}
