import Compute

/// How the three products of a convolution layer are computed, for one shape of features.
///
/// Weights and their gradient are `[kernelSize, kernelSize, inputChannels, outputChannels]`. Rows are those of the
/// matrix `[count · height · width, channels]` of a tensor.
protocol ConvolutionAlgorithm {
  /// Writes the output.
  ///
  /// - Parameter finish: is called with all rows and columns of the output, part by part, each part by the worker that
  ///   has just written it, which has it in its cache.
  func forward(
    _ input: Tensor, weights: UnsafePointer<Float>, into output: Tensor,
    finish: (_ rows: Range<Int>, _ columns: Range<Int>, _ worker: Int) -> Void)

  /// Writes the gradient of the weights.
  ///
  /// - Parameter prepare: is called once for all rows and columns of `outputGradient`, part by part, each part by the
  ///   worker that is about to read it, and the only one that does; may write them.
  func computeWeightGradient(
    input: Tensor, outputGradient: Tensor, into gradient: UnsafeMutablePointer<Float>,
    prepare: ((_ rows: Range<Int>, _ columns: Range<Int>) -> Void)?)

  /// Writes the gradient of the input, or adds it to what `inputGradient` holds.
  func computeInputGradient(
    _ outputGradient: Tensor, weights: UnsafePointer<Float>, into inputGradient: Tensor, accumulate: Bool)
}
