import ArgumentParser

/// What of the edge's part is trained.
struct FreezeOption: ParsableArguments {
  @Flag(
    help: """
      Leave the front as it begins, with --initial-weights for example, and train the exit and the rest only. \
      Hierarchical only.
      """)
  var freezeFront = false
}
