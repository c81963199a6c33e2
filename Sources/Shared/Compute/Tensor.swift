/// A batch of features: float32, NHWC `[count, height, width, channels]`, contiguous, 64-byte aligned.
///
/// The storage has a fixed capacity; `shape` and `count` may change within it, so that a layer allocates once for the
/// largest batch and then also serves a short last one. Not synchronized: one thread at a time, or disjoint parts.
package final class Tensor {
  /// The first value. Valid as long as the tensor lives.
  package let data: UnsafeMutablePointer<Float>
  /// How many values fit.
  package let capacity: Int
  /// The shape of each image.
  package private(set) var shape: FeatureShape
  /// The number of images held now.
  package private(set) var count: Int
  /// The pool that has lent this tensor; nil for one that stays with its maker.
  package internal(set) weak var lender: TensorPool?

  /// A tensor of `count` images.
  ///
  /// - Parameter zeroed: all values are zero; otherwise they are undefined, and memory that is never written to never
  ///   becomes resident.
  package init(_ shape: FeatureShape, count: Int, zeroed: Bool = true) {
    self.shape = shape
    self.count = count
    capacity = max(1, shape.values * count)
    let raw = UnsafeMutableRawPointer.allocate(byteCount: capacity * MemoryLayout<Float>.stride, alignment: 64)
    data = raw.bindMemory(to: Float.self, capacity: capacity)
    if zeroed { data.initialize(repeating: 0, count: capacity) }
  }

  deinit { UnsafeMutableRawPointer(data).deallocate() }

  /// The number of values held now: `count · shape.values`.
  package var values: Int { count * shape.values }

  /// The number of positions of the batch: `count · height · width`, the rows of the matrix `[rows, channels]`.
  package var rows: Int { count * shape.positions }

  /// The values held now, as a buffer.
  package var buffer: UnsafeMutableBufferPointer<Float> { .init(start: data, count: values) }

  /// Takes another shape or number of images, without touching the values.
  package func resize(_ shape: FeatureShape, count: Int) {
    precondition(shape.values * count <= capacity, "\(count) x \(shape) does not fit into \(capacity) values")
    self.shape = shape
    self.count = count
  }

  /// Keeps the shape and takes another number of images.
  package func resize(count: Int) { resize(shape, count: count) }

  /// Says that nobody reads this tensor any more: a lent one goes back to its pool.
  package func release() { lender?.give(self) }

  /// Copies `other`'s shape, count and values.
  package func copy(from other: Tensor) {
    resize(other.shape, count: other.count)
    data.update(from: other.data, count: other.values)
  }
}
