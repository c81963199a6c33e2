import Platform

@testable import WeightFiles

extension FuzzTarget {
  private static let words = [
    "\"__metadata__\":", "\"dtype\":\"F32\"", "\"dtype\":\"I64\"", "\"shape\":[", "\"data_offsets\":[", "\"w\":{",
    "9223372036854775807", "-1", "4294967296", "0", "1e3", "\\u0000", "{}", "[]", "null",
  ]

  private static let headers: [(json: String, dataBytes: Int)] = [
    ("{}", 0), (#"{"__metadata__":{"format":"pt","a":"b"}}"#, 0),
    (#"{"w":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}}"#, 8),
    (#"{"a":{"dtype":"I64","shape":[],"data_offsets":[0,8]},"w":{"data_offsets":[8,8],"dtype":"F32","shape":[0]}}"#, 8),
    (
      #"{"w":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},"#
        + #""crc":{"dtype":"I64","shape":[],"data_offsets":[12,20]}}"#, 20
    ),
  ]

  /// The JSON of a header.
  static let safetensorsHeader = FuzzTarget("safetensors-header", words: words) {
    headers.map { Array($0.json.utf8) }
  } run: { input in
    let header: SafetensorsHeader
    do throws(SafetensorsHeader.Invalid) { header = try SafetensorsHeader(json: input) } catch { return }
    try require(JSONOutline(input)?.repeatedPath == nil && JSONOutline(input) != nil, "names that may be there twice")
    let tensors = header.tensors.sorted { ($0.value.begin, $0.value.end) < ($1.value.begin, $1.value.end) }
    var end = 0
    for (name, tensor) in tensors {
      try require(tensor.begin == end && tensor.end >= end, "\(name) has gaps")
      try require(
        tensor.end - tensor.begin == tensor.shape.reduce(tensor.elementType.bytes, *), "\(name) has another size")
      end = tensor.end
    }
    try require(header.dataBytes == end, "\(header.dataBytes) bytes of data")
    guard header.tensors.values.allSatisfy({ $0.elementType == .float32 }) else { return }
    // What was read is written, and read again.
    let named = tensors.map { NamedTensor(name: $0.key, shape: $0.value.shape, content: .generated { _, _ in }) }
    let bytes = SafetensorsWriter.header(named, metadata: header.metadata)
    let again = try SafetensorsHeader(json: Array(bytes.dropFirst(8)))
    try require(again == header, "\(header) comes back as \(again)")
  }

  /// Whole files: their bytes, or the number of bytes of data, the header, and the data.
  static let safetensorsReader = FuzzTarget("safetensors-reader", words: words) {
    headers.flatMap { json, dataBytes in
      let data = (0..<UInt8(dataBytes)).map { $0 }
      let length = withUnsafeBytes(of: UInt64(json.utf8.count).littleEndian) { Array($0) }
      return [[0] + length + json.utf8 + data, [1, UInt8(dataBytes)] + json.utf8 + data]
    }
  } run: { input in
    var input = FuzzInput(input)
    var file: [UInt8] = []
    if input.byte() % 2 == 1 {
      let dataBytes = Int(input.byte())
      let rest = input.rest()
      let json = max(0, rest.count - dataBytes)
      file = withUnsafeBytes(of: UInt64(json).littleEndian) { Array($0) } + rest
    } else {
      file = input.rest()
    }
    let path = try ScratchFile.write(file)
    do {
      let reader = try SafetensorsReader(path: path)
      try require(reader.entries.values.allSatisfy { $0.start + $0.byteCount <= file.count }, "beyond the end")
      for (name, entry) in reader.entries {
        switch entry.elementType {
        case .float32:
          let values = try reader.floats(name, shape: entry.shape)
          let bytes = values.withUnsafeBytes { Array($0) }
          try require(bytes == Array(file[entry.start..<entry.start + entry.byteCount]), "other values in \(name)")
        case .int64:
          try require(try reader.integers(name, shape: entry.shape).count * 8 == entry.byteCount, "other values")
          do { try reader.verifyChecksum(name) } catch is SafetensorsError {}
        }
      }
    } catch let error as SafetensorsError { _ = error.description }
  }
}

/// A file that is written again and again.
private enum ScratchFile {
  private static let descriptor: Int32 = {
    var template = Array("/tmp/fuzz-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    unlink(template)
    return descriptor
  }()

  /// - Returns: the path of the file.
  static func write(_ bytes: [UInt8]) throws -> String {
    let count = bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
    guard count == bytes.count, ftruncate(descriptor, off_t(count)) == 0 else {
      throw FuzzFinding(description: "no file to write to: \(errno)")
    }
    return "/proc/self/fd/\(descriptor)"
  }
}
