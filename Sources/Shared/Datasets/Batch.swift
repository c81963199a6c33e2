import Compute

/// Samples with their labels, as a network takes them: prepared images, or features that came over the wire.
///
/// The tensor belongs to whoever gave the batch (a loader, the cloud's receiving thread), who says how long it is
/// valid.
package struct Batch {
  /// Place in its epoch, from 0.
  package let index: Int
  /// `[count, height, width, channels]` (NHWC): normalized values, or features.
  package let images: Tensor
  /// A class for each.
  package let labels: [UInt16]

  package init(index: Int, images: Tensor, labels: [UInt16]) {
    precondition(images.count == labels.count, "\(labels.count) labels for \(images.count) images")
    self.index = index
    self.images = images
    self.labels = labels
  }

  /// Number of images; the last batch of an epoch may have fewer than the batch size.
  package var count: Int { labels.count }
}
