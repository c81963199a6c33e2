/// What the two sides exchange in a run: it decides which messages are legal. Part of the edge's `hello`.
package enum Exchange: String, Codable, CaseIterable, Sendable {
  /// The edge sends batches of activations; nothing but acknowledgements comes back.
  case activations
  /// The edge sends one batch of activations at a time, and gets the gradient with respect to each of training.
  case gradients
  /// The edge sends batches of images.
  case images
  /// The edge sends all images before the first epoch, and afterwards asks for one step on them after another.
  case upload
  /// No run: the edge asks how fast the cloud and the link are.
  case measurements
}
