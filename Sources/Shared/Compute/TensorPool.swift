/// Lends tensors whose lives are short, such as gradients on their way back through the layers, so that lives that do
/// not overlap share memory. After the first steps nothing is allocated any more.
package final class TensorPool {
  private var free: [Tensor] = []

  package init() {}

  /// A tensor of the shape, its values undefined: the smallest free one that fits, else a new one, which takes the
  /// place of the largest free one: so the pool ends with as many tensors as live at the same time.
  package func take(_ shape: FeatureShape, count: Int) -> Tensor {
    let needed = shape.values * count
    var best: Int?
    for (index, tensor) in free.enumerated() where tensor.capacity >= needed {
      if best.map({ free[$0].capacity > tensor.capacity }) ?? true { best = index }
    }
    guard let best else {
      if let largest = free.indices.max(by: { free[$0].capacity < free[$1].capacity }) { free.remove(at: largest) }
      let tensor = Tensor(shape, count: count, zeroed: false)
      tensor.lender = self
      return tensor
    }
    let tensor = free.remove(at: best)
    tensor.resize(shape, count: count)
    return tensor
  }

  /// Gives a tensor back, lent or new. The caller must not use it any more.
  package func give(_ tensor: Tensor) {
    precondition(!free.contains { $0 === tensor }, "the tensor was given back before")
    tensor.lender = self
    free.append(tensor)
  }
}
