import FoundationEssentials
import Platform

/// The parsed and checked JSON header of a safetensors file.
struct SafetensorsHeader: Equatable {
  /// One tensor; its bytes are `begin..<end`, from the end of the header.
  struct Tensor: Equatable {
    let elementType: SafetensorsElementType
    let shape: [Int]
    let begin: Int
    let end: Int
  }

  /// What is wrong with a header.
  struct Invalid: Error, Equatable { let reason: String }

  let metadata: [String: String]
  let tensors: [String: Tensor]
  /// Bytes of all tensors.
  let dataBytes: Int

  /// Parses and checks a header.
  ///
  /// - Parameter json: the header with its padding.
  /// - Throws: ``Invalid`` with the first thing that is wrong.
  init(json: [UInt8]) throws(Invalid) {
    // The decoder guesses UTF-16 and UTF-32 from zero bytes; the format is UTF-8 and starts with a brace.
    guard json.first == UInt8(ascii: "{"), !json.contains(0), String(validating: json, as: UTF8.self) != nil else {
      throw Invalid(reason: "the header is not a JSON object in UTF-8")
    }
    let raw: RawHeader
    do { raw = try JSONDecoder().decode(RawHeader.self, from: Data(json)) } catch let error as DecodingError {
      throw Invalid(reason: "the header is not as the format asks: \(Self.reason(error))")
    } catch { throw Invalid(reason: "the header is not JSON") }
    try Self.checkNames(json)
    var tensors: [String: Tensor] = [:]
    for (name, tensor) in raw.tensors { tensors[name] = try Self.check(tensor, name: name) }
    var offset = 0
    for (name, tensor) in tensors.sorted(by: { ($0.value.begin, $0.value.end) < ($1.value.begin, $1.value.end) }) {
      guard tensor.begin == offset else {
        throw Invalid(reason: "tensor \(name) starts at \(tensor.begin), expected \(offset)")
      }
      offset = tensor.end
    }
    metadata = raw.metadata
    self.tensors = tensors
    dataBytes = offset
  }

  /// The decoder takes one of two members of the same name, and does not say so.
  private static func checkNames(_ json: [UInt8]) throws(Invalid) {
    // The decoder does not look into strings that nobody asks for; what is no JSON there might hide such members.
    guard let outline = JSONOutline(json) else { throw Invalid(reason: "the header is not JSON") }
    guard let path = outline.repeatedPath else { return }
    let isMetadata = path[0] == SafetensorsFormat.metadataKey
    let name =
      switch path.count {
      case 1: isMetadata ? path[0] : "tensor \(path[0])"
      case 2 where isMetadata: "metadata key \(path[1])"
      default: "\(path.dropFirst().joined(separator: ".")) of tensor \(path[0])"
      }
    throw Invalid(reason: "\(name) is in the header twice, expected once; write the file anew")
  }

  private static func check(_ raw: RawTensor, name: String) throws(Invalid) -> Tensor {
    guard let elementType = SafetensorsElementType(rawValue: raw.dtype) else {
      throw Invalid(reason: "tensor \(name) has element type \(raw.dtype), expected F32 or I64")
    }
    var bytes = elementType.bytes
    for size in raw.shape {
      let (product, overflow) = bytes.multipliedReportingOverflow(by: size)
      guard size >= 0, !overflow else { throw Invalid(reason: "tensor \(name) has shape \(raw.shape)") }
      bytes = product
    }
    guard raw.dataOffsets.count == 2 else {
      throw Invalid(reason: "tensor \(name) has \(raw.dataOffsets.count) data_offsets, expected 2")
    }
    let (begin, end) = (raw.dataOffsets[0], raw.dataOffsets[1])
    guard begin >= 0, begin <= end, end - begin == bytes else {
      throw Invalid(reason: "tensor \(name) has data_offsets [\(begin), \(end)], expected \(bytes) bytes for its shape")
    }
    return Tensor(elementType: elementType, shape: raw.shape, begin: begin, end: end)
  }

  private static func reason(_ error: DecodingError) -> String {
    func at(_ context: DecodingError.Context) -> String {
      context.codingPath.isEmpty ? "" : " at " + context.codingPath.map(\.stringValue).joined(separator: ".")
    }
    return switch error {
    case .typeMismatch(_, let context): "wrong type" + at(context)
    case .valueNotFound(_, let context): "null" + at(context)
    case .keyNotFound(let key, let context): "no \(key.stringValue)" + at(context)
    case .dataCorrupted(let context): "damaged JSON" + at(context)
    @unknown default: "damaged JSON"
    }
  }
}

/// The header as JSON has it.
private struct RawHeader: Decodable {
  var metadata: [String: String] = [:]
  var tensors: [String: RawTensor] = [:]

  private struct Name: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Name.self)
    for key in container.allKeys {
      if key.stringValue == SafetensorsFormat.metadataKey {
        metadata = try container.decode([String: String].self, forKey: key)
      } else {
        tensors[key.stringValue] = try container.decode(RawTensor.self, forKey: key)
      }
    }
  }
}

private struct RawTensor: Decodable {
  let dtype: String
  let shape: [Int]
  let dataOffsets: [Int]

  private enum CodingKeys: String, CodingKey {
    case dtype, shape
    case dataOffsets = "data_offsets"
  }
}
