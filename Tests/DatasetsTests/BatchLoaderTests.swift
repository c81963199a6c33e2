import Glibc
import TestSupport
import Testing

@testable import Datasets

@Suite struct BatchLoaderTests {
  /// Takes all batches that are left of the loader's epoch and compares them with synchronous preparation.
  private func expectRest(
    of loader: BatchLoader, equals preparer: BatchPreparer, epoch: Int, from first: Int = 0
  )
    throws
  {
    var expectedIndex = first
    while let batch = try loader.next() {
      let expected = try preparer.preparedBatch(expectedIndex, epoch: epoch)
      #expect(batch.index == expectedIndex)
      #expect(batch.count == expected.labels.count)
      #expect(Array(batch.labels) == expected.labels)
      let values = batch.images.buffer
      #expect(values.elementsEqual(expected.values))
      #expect(UInt(bitPattern: batch.images.data) % 64 == 0)
      expectedIndex += 1
    }
    #expect(expectedIndex == preparer.sampler.batchCount)
    #expect(try loader.next() == nil)
  }

  @Test(arguments: [1, 2, 3])
  func equalsSynchronousPreparation(prefetch: Int) throws {
    let preparer = BatchPreparer.training(PatternImages(count: 37), batchSize: 8, seed: 5)
    let loader = try BatchLoader(preparer, prefetch: prefetch)
    #expect(loader.batchCount == 5)
    for epoch in [0, 1, 2, 1] {
      loader.startEpoch(epoch)
      try expectRest(of: loader, equals: preparer, epoch: epoch)
    }
  }

  @Test func batchIsTheImagesOfThePermutation() throws {
    let images = PatternImages(count: 10)
    let preparer = BatchPreparer.training(images, batchSize: 4, seed: 1)
    let indices = preparer.sampler.indices(epoch: 6)
    let (values, labels) = try preparer.preparedBatch(2, epoch: 6)
    #expect(labels == [images.label(at: Int(indices[8])), images.label(at: Int(indices[9]))])
    var expected = [Float](repeating: .nan, count: 3072)
    Normalization(images.task).convert(
      try images.pixels(of: Int(indices[9])), crop: preparer.crop(epoch: 6, position: 9), into: &expected)
    #expect(Array(values[3072...]) == expected)
    #expect((0..<10).contains { preparer.crop(epoch: 6, position: $0) != .identity })
  }

  @Test func evaluationIsInOrderAndUnchanged() throws {
    let images = PatternImages(count: 5)
    let loader = try BatchLoader(.evaluation(images, batchSize: 3))
    for epoch in 0..<2 {
      loader.startEpoch(epoch)
      var index = 0
      while let batch = try loader.next() {
        for place in 0..<batch.count {
          var expected = [Float](repeating: .nan, count: 3072)
          Normalization(images.task).convert(try images.pixels(of: index), crop: .identity, into: &expected)
          #expect(
            UnsafeBufferPointer(start: batch.images.data + place * 3072, count: 3072).elementsEqual(expected))
          #expect(batch.labels[place] == UInt16(index))
          index += 1
        }
      }
      #expect(index == 5)
    }
  }

  @Test func anEpochCanStartInTheMiddle() throws {
    let preparer = BatchPreparer.training(PatternImages(count: 20), batchSize: 3, seed: 2)
    let loader = try BatchLoader(preparer)
    loader.startEpoch(4, firstBatch: 5)
    try expectRest(of: loader, equals: preparer, epoch: 4, from: 5)
    loader.startEpoch(4, firstBatch: 7)
    #expect(try loader.next() == nil)
  }

  @Test func anEpochCanBeGivenUp() throws {
    let preparer = BatchPreparer.training(PatternImages(count: 40), batchSize: 2, seed: 3)
    let loader = try BatchLoader(preparer)
    for epoch in 0..<30 {
      loader.startEpoch(epoch)
      for index in 0..<(epoch % 4) {
        let batch = try #require(try loader.next())
        #expect(batch.index == index)
        #expect(Array(batch.labels) == (try preparer.preparedBatch(index, epoch: epoch).labels))
      }
    }
    loader.startEpoch(99)
    try expectRest(of: loader, equals: preparer, epoch: 99)
  }

  @Test func memoryIsBoundedAndReused() throws {
    let loader = try BatchLoader(.training(PatternImages(count: 60), batchSize: 2, seed: 3), prefetch: 2)
    var addresses: Set<UnsafeMutablePointer<Float>> = []
    for epoch in 0..<2 {
      loader.startEpoch(epoch)
      while let batch = try loader.next() { addresses.insert(batch.images.data) }
    }
    #expect(addresses.count == 3)
  }

  @Test func heldBatchIsNotOverwritten() throws {
    let preparer = BatchPreparer.training(PatternImages(count: 60), batchSize: 2, seed: 3)
    let loader = try BatchLoader(preparer, prefetch: 1)
    loader.startEpoch(0)
    for index in 0..<4 {
      let batch = try #require(try loader.next())
      // Time enough for the thread to fill whatever it believes to be free.
      usleep(5000)
      let expected = try preparer.preparedBatch(index, epoch: 0).values
      #expect(batch.images.buffer.elementsEqual(expected))
    }
  }

  @Test func errorComesInItsPlaceAndStays() throws {
    let preparer = BatchPreparer.evaluation(PatternImages(count: 12, unreadable: 7), batchSize: 3)
    let loader = try BatchLoader(preparer)
    for epoch in 0..<2 {
      loader.startEpoch(epoch)
      #expect(try loader.next()?.index == 0)
      #expect(try loader.next()?.index == 1)
      #expect(throws: PatternImages.error) { try loader.next() }
      #expect(throws: PatternImages.error) { try loader.next() }
    }
    loader.startEpoch(2, firstBatch: 3)
    #expect(try loader.next()?.index == 3)
    #expect(try loader.next() == nil)
  }

  @Test func fileThatShrinksInUseIsAnErrorOfNext() throws {
    let folder = try TemporaryFolder()
    try CIFARFixture(records: 4).write(to: folder)
    let (train, _) = try CIFAR10.open(directory: folder.path, recordsPerFile: 4)
    let loader = try BatchLoader(.evaluation(train, batchSize: 4))
    try #require(truncate(folder.file("data_batch_2.bin"), 0) == 0)
    loader.startEpoch(0)
    #expect(try loader.next()?.count == 4)
    #expect(
      throws: DatasetError.truncatedWhileReading(
        path: folder.file("data_batch_2.bin"), record: 0, expectedBytes: 3073, actualBytes: 0)
    ) { try loader.next() }
  }

  @Test(arguments: [0, 1, 2])
  func stopInTheMiddleEndsTheThreadAndFreesEverything(batches: Int) throws {
    weak var released: PatternImages?
    do {
      let images = PatternImages(count: 1000)
      released = images
      let loader = try BatchLoader(.training(images, batchSize: 8, seed: 1))
      loader.startEpoch(0)
      for _ in 0..<batches { #expect(try loader.next() != nil) }
      loader.stop()
      loader.stop()
      #expect(throws: DatasetError.loaderStopped) { try loader.next() }
    }
    #expect(released == nil)
  }

  @Test(arguments: [false, true])
  func lettingGoEndsTheThreadAndFreesEverything(started: Bool) throws {
    weak var released: PatternImages?
    do {
      let images = PatternImages(count: 1000)
      released = images
      let loader = try BatchLoader(.training(images, batchSize: 8, seed: 1))
      if started {
        loader.startEpoch(0)
        #expect(try loader.next() != nil)
      }
    }
    #expect(released == nil)
  }

  @Test func stopWakesAWaitingConsumer() async throws {
    // Slow images, so that the consumer is nearly always waiting; it goes on until it is stopped.
    let images = PatternImages(count: 20, delayMicroseconds: 500)
    let loader = try BatchLoader(.evaluation(images, batchSize: 20))
    loader.startEpoch(0)
    async let stopped: Void = loader.stop()
    #expect(throws: DatasetError.loaderStopped) {
      while true {
        if try loader.next() == nil { loader.startEpoch(0) }
      }
    }
    await stopped
  }
}
