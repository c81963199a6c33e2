/// What has failed once, and is read again by every run of the tests: the target, and the input.
enum FailedInputs {
  static let all: [(target: String, input: [UInt8])] = [
    // The decoder lets a comma pass behind the last element, and the outline does not.
    ("json-outline", Array("[1,-23,]".utf8)),
    // Two members of one name passed for one behind a string that the decoder does not look into.
    (
      "safetensors-header",
      Array(#"{"w":{"dtype":"F32","shape":[0],"data_offsets":[0,0],"dtype":"I64","x":"\ud800"}}"#.utf8)
    ),
  ]
}
