import Transport

/// Where a run is, on either side: together with weights, running statistics and momentum, all that its next step
/// depends on.
package struct TrainingState: Codable, Equatable, Sendable {
  /// The epoch under way, from 1; 0 before the first.
  package private(set) var epoch = 0
  /// Steps of the whole run.
  package private(set) var completedSteps = 0
  /// Over the epoch under way.
  package private(set) var sums = Sums()

  /// Sums over the batches of an epoch; losses are weighted by the number of images.
  package struct Sums: Codable, Equatable, Sendable {
    package fileprivate(set) var steps = 0
    package fileprivate(set) var images = 0
    package fileprivate(set) var loss = 0.0
    package fileprivate(set) var testBatches = 0
    package fileprivate(set) var testImages = 0
    package fileprivate(set) var testLoss = 0.0
    /// Test images that this side got right: by the exit if it has one, else by the whole network.
    package fileprivate(set) var correct = 0
    /// The test images class by class; nil if there are too many, or a state from before this was counted was gone on
    /// with in mid-evaluation.
    package fileprivate(set) var byClass: ClassCounts?

    /// Over the training images so far; 0 of none.
    package var meanLoss: Double { loss / Double(max(1, images)) }
    /// Over the test images so far; 0 of none.
    package var meanTestLoss: Double { testLoss / Double(max(1, testImages)) }
  }

  package init() {}

  package mutating func beginEpoch() {
    epoch += 1
    sums = Sums()
  }

  /// A step is done.
  ///
  /// - Parameters:
  ///   - images: of the batch.
  ///   - loss: the batch's mean.
  package mutating func countStep(images: Int, loss: Double) {
    completedSteps += 1
    sums.steps += 1
    sums.images += images
    sums.loss += loss * Double(images)
  }

  /// A batch of test images is evaluated.
  ///
  /// - Parameters:
  ///   - labels: of its images.
  ///   - classes: how many there are.
  ///   - loss: the batch's mean.
  ///   - hits: the labels of the images that this side got right.
  package mutating func countTest(labels: [UInt16], classes: Int, loss: Double, hits: [UInt16]) {
    if sums.testBatches == 0 { sums.byClass = ClassCounts(classes: classes) }
    if sums.byClass?.count.count == classes { sums.byClass?.add(labels: labels, hits: hits) }
    sums.testBatches += 1
    sums.testImages += labels.count
    sums.testLoss += loss * Double(labels.count)
    sums.correct += hits.count
  }
}
