import Foundation
import TestSupport
import Testing

@testable import Platform
@testable import WeightFiles

@Suite struct RunsSafetensorsTests {
  /// Calls `body` with the values' memory.
  private func with<Result>(
    _ values: [Float], _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) rethrows -> Result {
    try values.withUnsafeBufferPointer(body)
  }

  @Test func goldenBytes() throws {
    try withTemporaryDirectory { base in
      let path = base + "/tiny.safetensors"
      try with([1, -2]) { values in
        try SafetensorsWriter.write(
          [.values(name: "a", shape: [2, 1], values), .scalar(name: "n", 258)],
          metadata: ["step": "7", "epoch": "\"1\"\n"], to: path)
      }
      let json =
        #"{"__metadata__":{"epoch":"\"1\"\u000a","step":"7"},"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"#
        + #""n":{"dtype":"I64","shape":[],"data_offsets":[8,16]}}"#
      let padded = json + String(repeating: " ", count: 160 - json.utf8.count)
      let expected: [UInt8] =
        [0xa0, 0, 0, 0, 0, 0, 0, 0]  // header length 160
        + Array(padded.utf8) + [0x00, 0x00, 0x80, 0x3f]  // 1
        + [0x00, 0x00, 0x00, 0xc0]  // -2
        + [0x02, 0x01, 0, 0, 0, 0, 0, 0]  // 258
      #expect(json.utf8.count == 159)
      #expect(try contents(path) == expected)
      #expect(try names(in: base) == ["tiny.safetensors"])
    }
  }

  @Test func convolutionIsStoredAsOIHW() throws {
    // All sides differ; each weight tells its place: oc * 1000 + ic * 100 + ky * 10 + kx.
    let (kernelHeight, kernelWidth, inputChannels, outputChannels) = (2, 3, 4, 5)
    var weights = [Float](repeating: .nan, count: 120)
    var expected: [Float] = []
    for oc in 0..<outputChannels {
      for ic in 0..<inputChannels {
        for ky in 0..<kernelHeight {
          for kx in 0..<kernelWidth {
            let value = Float(oc * 1000 + ic * 100 + ky * 10 + kx)
            weights[((ky * kernelWidth + kx) * inputChannels + ic) * outputChannels + oc] = value
            expected.append(value)
          }
        }
      }
    }
    try withTemporaryDirectory { base in
      try with(weights) { memory in
        let pointer = try #require(memory.baseAddress)
        try SafetensorsWriter.write(
          [
            .convolutionOIHW(
              name: "conv.weight", weights: pointer, kernelHeight: kernelHeight, kernelWidth: kernelWidth,
              inputChannels: inputChannels, outputChannels: outputChannels)
          ], to: base + "/w")
      }
      let stored = try SafetensorsReader(path: base + "/w").floats("conv.weight", shape: [5, 4, 2, 3])
      #expect(stored == expected)

      let order = ConvolutionOrder(
        kernelHeight: kernelHeight, kernelWidth: kernelWidth, inputChannels: inputChannels,
        outputChannels: outputChannels)
      var restored = [Float](repeating: .nan, count: 120)
      with(stored) { source in
        restored.withUnsafeMutableBufferPointer { target in
          if let target = target.baseAddress { order.restore(source, to: target) }
        }
      }
      #expect(restored == weights)
    }
  }

  @Test func chunksStartAnywhere() {
    let order = ConvolutionOrder(kernelHeight: 2, kernelWidth: 3, inputChannels: 4, outputChannels: 5)
    var whole: [Int] = []
    order.forEach(firstElement: 0, count: 120) { whole.append($1) }
    #expect(whole.sorted() == Array(0..<120))
    for first in 0...120 {
      var rest: [Int] = []
      order.forEach(firstElement: first, count: 120 - first) { rest.append($1) }
      #expect(rest == Array(whole[first...]))
    }
  }

  @Test func linearIsTransposed() throws {
    try withTemporaryDirectory { base in
      // inputs 2, outputs 3
      try with([1, 2, 3, 4, 5, 6]) { memory in
        try SafetensorsWriter.write(
          [.linear(name: "fc.weight", weights: try #require(memory.baseAddress), inputs: 2, outputs: 3)],
          to: base + "/w")
      }
      let stored = try SafetensorsReader(path: base + "/w").floats("fc.weight", shape: [3, 2])
      #expect(stored == [1, 4, 2, 5, 3, 6])
    }
  }

  @Test func roundTripOfSeveralChunks() throws {
    let count = 2 * SafetensorsWriter.chunkElements + 3
    try withTemporaryDirectory { base in
      try with([Float(0.5)]) { half in
        try SafetensorsWriter.write(
          [
            .values(name: "empty", shape: [0, 4], UnsafeBufferPointer(start: nil, count: 0)),
            NamedTensor(
              name: "big", shape: [count],
              content: .generated { first, chunk in
                for index in chunk.indices { chunk[index] = Float(first + index) }
              }),
            .values(name: "naïve \"name\"", shape: [], half),
            NamedTensor(name: "n", shape: [2], content: .integers([.min, .max])),
          ], metadata: ["configuration": #"{"cut":2}"#], to: base + "/w")
      }
      let reader = try SafetensorsReader(path: base + "/w")
      #expect(reader.metadata == ["configuration": #"{"cut":2}"#])
      #expect(try reader.floats("empty", shape: [0, 4]) == [])
      #expect(try reader.floats("big", shape: [count]) == (0..<count).map(Float.init))
      #expect(try reader.floats("naïve \"name\"", shape: []) == [0.5])
      #expect(try reader.integers("n", shape: [2]) == [.min, .max])
    }
  }

  @Test func askingForSomethingElse() throws {
    try withTemporaryDirectory { base in
      let path = base + "/w"
      try with([1, 2]) { try SafetensorsWriter.write([.values(name: "a", shape: [2], $0)], to: path) }
      let reader = try SafetensorsReader(path: path)
      #expect(throws: SafetensorsError.missingTensor(path: path, name: "b")) {
        try reader.floats("b", shape: [2])
      }
      #expect(
        throws: SafetensorsError.wrongTensor(path: path, name: "a", expected: "F32 [1, 2]", actual: "F32 [2]")
      ) { try reader.floats("a", shape: [1, 2]) }
      #expect(
        throws: SafetensorsError.wrongTensor(path: path, name: "a", expected: "I64 [2]", actual: "F32 [2]")
      ) { try reader.integers("a", shape: [2]) }
      #expect(
        throws: SafetensorsError.cannotRead(path: base + "/none", operation: "open", errorNumber: ENOENT)
      ) { try SafetensorsReader(path: base + "/none") }
      #expect(throws: SafetensorsError.invalidHeader(path: base, reason: "no regular file")) {
        try SafetensorsReader(path: base)
      }
      // Nobody writes to it: whoever waited for that would wait for ever.
      try #require(mkfifo(base + "/pipe", 0o600) == 0)
      #expect(throws: SafetensorsError.invalidHeader(path: base + "/pipe", reason: "no regular file")) {
        try SafetensorsReader(path: base + "/pipe")
      }
    }
  }

  @Test func shortenedAfterOpening() throws {
    try withTemporaryDirectory { base in
      let path = base + "/w"
      try with([1, 2]) { try SafetensorsWriter.write([.values(name: "a", shape: [2], $0)], to: path) }
      let reader = try SafetensorsReader(path: path)
      let full = try contents(path).count
      #expect(truncate(path, off_t(full - 3)) == 0)
      #expect(throws: SafetensorsError.wrongLength(path: path, expected: full, actual: full - 3)) {
        try reader.floats("a", shape: [2])
      }
    }
  }

  @Test func fullDiskLeavesNothing() throws {
    try withTemporaryDirectory { base in
      let path = base + "/w"
      #expect(throws: FileError(path: path, operation: "write", errorNumber: ENOSPC)) {
        try with([Float](repeating: 1, count: 100)) {
          try SafetensorsWriter.write(
            [.values(name: "a", shape: [100], $0)], to: path, operations: .disk(bytes: 300))
        }
      }
      let left = try names(in: base)
      #expect(left == [])
    }
  }
}

@Suite struct RunsSafetensorsDamageTests {
  private static let good: [UInt8] = {
    let json =
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"n":{"dtype":"I64","shape":[],"data_offsets":[8,16]}}"#
    return file(json, data: 16)
  }()

  private static func file(_ json: String, data: Int, length: UInt64? = nil) -> [UInt8] {
    let header = Array(json.utf8)
    return withUnsafeBytes(of: (length ?? UInt64(header.count)).littleEndian) { Array($0) } + header
      + [UInt8](repeating: 1, count: data)
  }

  /// Opens the bytes as a file and reads all that it claims to have.
  private func readAll(_ bytes: [UInt8], at path: String) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    let reader = try SafetensorsReader(path: path)
    for (name, entry) in reader.entries {
      switch entry.elementType {
      case .float32: _ = try reader.floats(name, shape: entry.shape)
      case .int64: _ = try reader.integers(name, shape: entry.shape)
      }
    }
  }

  @Test func everyPrefixIsRefused() throws {
    try withTemporaryDirectory { base in
      try readAll(Self.good, at: base + "/w")
      for count in 0..<Self.good.count {
        #expect(throws: SafetensorsError.self, "prefix of \(count)") {
          try readAll(Array(Self.good[..<count]), at: base + "/w")
        }
      }
      #expect(throws: SafetensorsError.self) { try readAll(Self.good + [0], at: base + "/w") }
    }
  }

  @Test func mutationsThrowOnlyTypedErrors() throws {
    var state: UInt8 = 1
    try withTemporaryDirectory { base in
      for index in 0..<(Self.good.count - 16) {
        state = state &* 141 &+ 47
        for value in [0, 0x22, 0x39, state] {
          var bytes = Self.good
          bytes[index] = value
          do {
            try readAll(bytes, at: base + "/w")
          } catch {
            #expect(error is SafetensorsError, "byte \(index) = \(value): \(error)")
          }
        }
      }
    }
  }

  @Test(arguments: [
    "[]", "{", "{}x", "{\"a\":1}", "{\"a\":null}", "{\"__metadata__\":{\"a\":1}}", "{\"__metadata__\":[]}",
    #"{"a":{"dtype":"F16","shape":[4],"data_offsets":[0,8]}}"#,
    #"{"a":{"dtype":"F32","shape":[2]}}"#,
    #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}}"#,
    #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}}"#,
    #"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#,
    #"{"a":{"dtype":"F32","shape":[-1,-2],"data_offsets":[0,8]}}"#,
    #"{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,8]}}"#,
    #"{"a":{"dtype":"F32","shape":[1e300],"data_offsets":[0,8]}}"#,
    #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#,
    #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}"#,
    #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}"#,
    #"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}"#,
    #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[-9223372036854775808,9223372036854775807]}}"#,
    #"{"a":{"dtype":"F32","shape":[2305843009213693951],"data_offsets":[0,9223372036854775804]}}"#,
    #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
    #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[0],"data_offsets":[8,8]}}"#,
    "{\"\\ud800\":{}}", "{\u{0}\"a\":1}",
    String(repeating: "{\"a\":", count: 10_000),
  ])
  func damagedHeadersAreRefused(json: String) throws {
    try withTemporaryDirectory { base in
      #expect(throws: SafetensorsError.self) { try readAll(Self.file(json, data: 8), at: base + "/w") }
    }
  }

  @Test(arguments: [0, 1, 100_000_001, 1 << 32, UInt64(Int.max), .max])
  func headerLengthIsLimited(length: UInt64) throws {
    try withTemporaryDirectory { base in
      let path = base + "/w"
      #expect(
        throws: SafetensorsError.invalidHeader(
          path: path, reason: "header of \(length) bytes, expected 2 to 100000000")
      ) { try readAll(Self.file("{}", data: 0, length: length), at: path) }
    }
  }

  @Test func invalidUnicodeIsRefused() throws {
    try withTemporaryDirectory { base in
      let path = base + "/w"
      var bytes = Self.file("{\"__metadata__\":{\"a\":\"x\"}}", data: 0)
      try readAll(bytes, at: path)
      let index = try #require(bytes.firstIndex(of: UInt8(ascii: "x")))
      bytes[index] = 0xff
      #expect(
        throws: SafetensorsError.invalidHeader(path: path, reason: "the header is not a JSON object in UTF-8")
      ) { try readAll(bytes, at: path) }
    }
  }
}
