/// Which class of a file of weights becomes which class of a network.
package struct ClassMapping: Equatable, Sendable {
  /// For each class of the network that of the file; nil for one that the file does not know.
  package let sources: [Int?]

  /// Classes of the same index are the same.
  ///
  /// - Parameters:
  ///   - old: the number of classes in the file.
  ///   - new: that of the network.
  package init(from old: Int, to new: Int) { sources = (0..<new).map { $0 < old ? $0 : nil } }

  /// Classes of the same name are the same.
  ///
  /// - Parameters:
  ///   - old: the names of the file's classes, by index.
  ///   - new: those of the network's.
  package init(from old: [String], to new: [String]) {
    let indices = Dictionary(zip(old, old.indices), uniquingKeysWith: { first, _ in first })
    sources = new.map { indices[$0] }
  }

  /// Classes that the file knows.
  package var known: Int { sources.count { $0 != nil } }
}
