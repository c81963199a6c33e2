import TestSupport
import Testing

@testable import Platform
@testable import WeightFiles

/// The decoder of JSON takes one of two members of the same name, and does not say which.
@Suite struct RunsSafetensorsNamesTests {
  @Test(arguments: [
    (#"{"a":T,"b":{"dtype":"F32","shape":[0],"data_offsets":[8,8]},"a":T}"#, "tensor a"),
    (#"{"a":T,"\u0061":T}"#, "tensor a"), (#"{"__metadata__":{},"a":T,"__metadata__":{"k":"v"}}"#, "__metadata__"),
    (#"{"__metadata__":{"step":"1","epoch":"1","step":"2"},"a":T}"#, "metadata key step"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"shape":[2]}}"#, "shape of tensor a"),
  ])
  func namesThatAreThereTwiceAreRefused(json: String, name: String) throws {
    try withTemporaryDirectory { base in
      let path = base + "/w"
      let header = json.replacing("T", with: #"{"dtype":"F32","shape":[2],"data_offsets":[0,8]}"#).utf8
      let length = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) }
      try AtomicFile.write(length + header + [UInt8](repeating: 1, count: 8), to: path)
      let reason = "\(name) is in the header twice, expected once; write the file anew"
      #expect(throws: SafetensorsError.invalidHeader(path: path, reason: reason)) {
        try SafetensorsReader(path: path)
      }
    }
  }

  /// The decoder passes over what nobody asks for, and a string there that is none hid the members of the same name.
  @Test func namesBehindWhatIsNoJSONAreRefused() {
    let json = #"{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0],"dtype":"I64","x":"\ud800"}}"#
    #expect(throws: SafetensorsHeader.Invalid(reason: "the header is not JSON")) {
      try SafetensorsHeader(json: Array(json.utf8))
    }
  }
}
