/// How 3×3 convolutions are computed, where there is a choice.
package enum ConvolutionMethod: String, CaseIterable, Codable, Sendable {
  /// Patches as rows of a matrix, times the weights.
  case im2col
  /// Winograd's minimal filtering: a third to a quarter of the multiplications, other rounding.
  case winograd
}
