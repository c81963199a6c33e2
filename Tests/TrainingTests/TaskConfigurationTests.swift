import Foundation
import TestSupport
import Testing

@testable import Datasets
@testable import RunFiles
@testable import Training

/// Configurations of other images than CIFAR-10's.
@Suite struct TaskConfigurationTests {
  private static func json() throws -> String {
    let bytes = try RunJSON.encode(WeightsFileTests.configuration(task: .small), pretty: false)
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test func otherTaskGolden() throws {
    let json = try Self.json()
    #expect(
      json.contains(
        """
        "task":{"classes":3,"deviation":[0.2],"mean":[0.375],"shape":{"channels":1,"height":16,"width":24}},
        """), "\(json)")
    let decoded = try JSONDecoder().decode(RunConfiguration.self, from: Data(json.utf8))
    #expect(try decoded == WeightsFileTests.configuration(task: .small))
    try decoded.validate()
  }

  @Test(arguments: [
    ("\"channels\":1", "\"channels\":5", "shape of an image 16x24x5 is out of range: 1x1x1 to 256x256x4"),
    ("\"height\":16", "\"height\":0", "shape of an image 0x24x1"),
    ("\"width\":24", "\"width\":257", "shape of an image 16x257x1"),
    ("\"classes\":3", "\"classes\":1", "number of classes 1 is"),
    ("\"classes\":3", "\"classes\":65536", "number of classes 65536 is out of range: 2 to 65535"),
    ("[0.375]", "[]", "mean [] is out of range: a number for each of 1 channels"),
    ("[0.2]", "[0.2,0.2]", "deviation [0.2, 0.2] is out of range: a positive number for each of 1 channels"),
    ("[0.2]", "[0]", "deviation [0.0]"), ("[0.2]", "[-1]", "deviation [-1.0]"),
  ])
  func taskOutOfRange(part: String, replacement: String, text: String) throws {
    let json = try Self.json()
    #expect(json.contains(part))
    let wrong = json.replacingOccurrences(of: part, with: replacement)
    let decoded = try JSONDecoder().decode(RunConfiguration.self, from: Data(wrong.utf8))
    let error = #expect(throws: ConfigurationError.self) { try decoded.validate() }
    #expect(error?.description.hasPrefix(text) == true, "\(error?.description ?? "")")
  }
}
