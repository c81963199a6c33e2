/// A message's own fields and, beside them under the key `configuration`, a run's configuration: a JSON object that
/// this module passes on without looking at it.
struct ConfigurationEnvelope<Fields: Encodable, Configuration: Encodable>: Encodable {
  let fields: Fields
  let configuration: Configuration

  private enum CodingKeys: CodingKey { case configuration }

  func encode(to encoder: any Encoder) throws {
    try fields.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(configuration, forKey: .configuration)
  }
}

private struct ConfigurationOnly<Configuration: Decodable>: Decodable { let configuration: Configuration }

extension ControlPayloadCoding {
  /// Reads the configuration in the payload of a message.
  ///
  /// - Throws: `WireError.payload` with the path of the field that is missing or wrong.
  static func configuration<Configuration: Decodable>(
    _ type: Configuration.Type, in json: [UInt8], of frameType: FrameType
  ) throws(WireError) -> Configuration {
    try json.withUnsafeBytesTyped { bytes throws(WireError) in
      try decode(ConfigurationOnly<Configuration>.self, bytes, frameType).configuration
    }
  }
}
