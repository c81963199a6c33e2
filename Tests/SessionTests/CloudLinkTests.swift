import Foundation
import TestSupport
import Testing

@testable import CloudSide
@testable import EdgeSide
@testable import Platform
@testable import Training
@testable import Transport

@Suite struct CloudLinkTests {
  /// The cloud trains on while its acknowledgements crawl: when it logs its third step, it has not sent two of them.
  @Test func slowLinkDoesNotStopTheComputing() throws {
    var configuration = try quickConfiguration()
    // An acknowledgement takes more than half a second.
    configuration.link.rate = 1000
    let folder = try SessionFolder()
    let cloud = try TestCloud(folder)
    let edge = try FakeEdge(cloud.endpoint, configuration, run: "slow")
    for count in [4, 4, 2] { try edge.train(count) }
    let acknowledgement = try edge.connection.receive()
    #expect(acknowledgement.message.type == .acknowledgement)
    while try folder.metrics("cloud/slow").steps.count < 3 { sleep(milliseconds: 10) }
    let sent = try folder.metrics("cloud/slow").steps.compactMap(\.sentBytes)
    #expect(sent[2] - sent[0] < 2 * acknowledgement.frameByteCount, "\(sent)")
    edge.connection.abandon()
    #expect(cloud.end().error != nil)
  }
}
