import Compute
import Datasets

extension BatchPreparer {
  /// Batch `index` of `epoch` in a new tensor, `[count, height, width, channels]`, and `[count]` labels.
  package func preparedTensor(_ index: Int, epoch: Int) throws -> (images: Tensor, labels: [UInt16]) {
    let tensor = Tensor(images.task.shape, count: sampler.batchSize)
    var scratch = [UInt8](repeating: 0, count: images.task.imageBytes)
    let labels = try prepareBatch(
      index, epoch: epoch, indices: sampler.indices(epoch: epoch), into: tensor, scratch: &scratch)
    return (tensor, labels)
  }

  /// The same in arrays.
  package func preparedBatch(_ index: Int, epoch: Int) throws -> (values: [Float], labels: [UInt16]) {
    let (images, labels) = try preparedTensor(index, epoch: epoch)
    return (withExtendedLifetime(images) { Array(images.buffer) }, labels)
  }
}
