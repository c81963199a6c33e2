import Foundation
import TestSupport
import Testing

@testable import NeuralNetwork
@testable import Platform
@testable import Training
@testable import Transport

/// Complete runs, and what both sides write about them.
@Suite(.serialized) struct SessionsTests {
  /// Bytes of the batches of `images` images, by the wire's layout.
  private func payload(_ images: Int, _ configuration: RunConfiguration) throws -> Int {
    let shape = try SplitNetwork(configuration.network).cutShape
    var bytes = 0
    for start in stride(from: 0, to: images, by: configuration.batchSize) {
      let count = min(configuration.batchSize, images - start)
      bytes +=
        4 + 2 * count
        + configuration.activations.encodedByteCount(
          shape: ActivationShape(
            count: count, height: shape.height, width: shape.width, channels: shape.channels))
    }
    return bytes
  }

  @Test(arguments: [
    (bits: 4, scale: ScaleGranularity.channel), (bits: 3, scale: .tensor), (bits: 16, scale: .tensor),
  ])
  func bothSidesAgreeOnTwoEpochs(bits: Int, scale: ScaleGranularity) throws {
    let folder = try SessionFolder()
    var configuration = try quickConfiguration(bits: bits, scale: scale)
    configuration.epochs = 2
    let (edge, cloud) = try runBoth(configuration, folder)

    let trainPayload = try 2 * payload(configuration.trainImages, configuration)
    let evaluation = try 2 * payload(configuration.testImages, configuration)
    for (summary, path, role) in [(edge, "edge", Role.edge), (cloud, "cloud/edge", Role.cloud)] {
      #expect(try folder.summary(path) == summary)
      #expect(summary.role == role)
      #expect(summary.outcome == .completed)
      #expect(summary.completedEpochs == 2)
      #expect(summary.completedSteps == 6)
      #expect(summary.trainPayloadBytes == trainPayload)
      #expect(summary.evaluationBytes == evaluation)
      #expect(summary.gradientPayloadBytes == 0)
      #expect(summary.trainingSeconds > 0)
      #expect(abs(summary.busySeconds + summary.idleSeconds - summary.trainingSeconds) <= 1e-9)
      #expect(summary.trainingSeconds <= summary.wallSeconds)

      let rows = try folder.metrics(path)
      #expect(rows.allSatisfy { $0.role == role })
      // The edge may go on before the cloud has told it of the epoch.
      if role == .cloud {
        #expect(
          rows.map(\.type) == ["event"] + (0..<2).flatMap { _ in ["step", "step", "step", "epoch"] } + ["event"])
      }
      #expect(rows.events == ["started", "completed"])
      #expect(rows.steps.map(\.step) == [1, 2, 3, 4, 5, 6])
      #expect(rows.steps.map(\.epoch) == [1, 1, 1, 2, 2, 2])
      #expect(rows.steps.map(\.images) == [4, 4, 2, 4, 4, 2])
      #expect(rows.epochs.map(\.epoch) == [1, 2])
      // Bytes of an epoch are its own; steps count from the start of the run.
      #expect(rows.epochs.map(\.trainPayloadBytes) == [trainPayload / 2, trainPayload / 2])
      #expect(rows.epochs.map(\.evaluationBytes) == [evaluation / 2, evaluation / 2])
      let ofEpochs = rows.epochs.compactMap(\.sentBytes).reduce(0, +)
      #expect(ofEpochs <= summary.sentBytes && ofEpochs > 0)
      let sentBytes = rows.steps.compactMap(\.sentBytes)
      #expect(zip(sentBytes, sentBytes.dropFirst()).allSatisfy { $0 <= $1 })

      let config = try folder.bytes("\(path)/config.json")
      #expect(try JSONDecoder().decode(RunConfiguration.self, from: Data(config)) == configuration)
      #expect(try JSONDecoder().decode([String: RoleValue].self, from: Data(config))["role"]?.value == role)
    }
    // To the byte, goodbye included.
    #expect(edge.sentBytes == cloud.receivedBytes)
    #expect(edge.receivedBytes == cloud.sentBytes)
    #expect(edge.sentBytes > trainPayload + evaluation)
    // Both know both accuracies, and they are the same.
    let edgeEpochs = try folder.metrics("edge").epochs
    let cloudEpochs = try folder.metrics("cloud/edge").epochs
    #expect(edgeEpochs.allSatisfy { $0.exitAccuracy != nil && $0.finalAccuracy != nil })
    #expect(edgeEpochs.map(\.exitAccuracy) == cloudEpochs.map(\.exitAccuracy))
    #expect(edgeEpochs.map(\.finalAccuracy) == cloudEpochs.map(\.finalAccuracy))
    #expect(edge.exitAccuracy == cloud.exitAccuracy && edge.exitAccuracy != nil)
    #expect(edge.finalAccuracy == cloud.finalAccuracy && edge.finalAccuracy != nil)
  }

  /// A value of a JSON object that may be of any kind; the role if it is one.
  private struct RoleValue: Decodable {
    let value: Role?
    init(from decoder: any Decoder) throws {
      value = try? decoder.singleValueContainer().decode(Role.self)
    }
  }

  @Test func zstdSendsWhatItCounts() throws {
    let folder = try SessionFolder()
    let configuration = try quickConfiguration(compression: .zstd)
    let (edge, cloud) = try runBoth(configuration, folder)
    #expect(edge.trainPayloadBytes == cloud.trainPayloadBytes)
    #expect(edge.sentBytes == cloud.receivedBytes)
    #expect(edge.trainPayloadBytes > 0)
  }

  @Test func serveOneAfterTheOtherUpToTheLimit() throws {
    let folder = try SessionFolder()
    // A slow disk: the second comes while the last files of the first are written, and the door must be open by then.
    var operations = FileOperations.live
    operations.synchronize = { descriptor in
      Foundation.Thread.sleep(forTimeInterval: 0.1)
      return FileOperations.live.synchronize(descriptor)
    }
    let cloud = try TestCloud(folder, sessions: 2, operations: operations)
    let configuration = try oneStepConfiguration()
    _ = try runEdge(configuration, cloud.endpoint, folder, run: "first")
    _ = try runEdge(configuration, cloud.endpoint, folder, run: "second")
    let (completed, error) = cloud.end()
    #expect(error == nil)
    #expect(completed.map { "\($0.runId)" } == ["first", "second"])
    // It listens no more.
    #expect(throws: ConnectionError.self) {
      try runEdge(configuration, cloud.endpoint, folder, run: "third", timeout: 5)
    }
  }

  @Test func refuseASecondEdge() throws {
    let folder = try SessionFolder()
    let cloud = try TestCloud(folder, sessions: nil)
    let configuration = try quickConfiguration()
    let first = try FakeEdge(cloud.endpoint, configuration, run: "first")
    do {
      _ = try runEdge(configuration, cloud.endpoint, folder, run: "second")
      Issue.record("two edges at once")
    } catch let error as RefusedError {
      #expect(error.code == .busy)
      #expect(error.reason.contains("127.0.0.1"))
      #expect(ErrorKind(error) == .refused)
    }
    first.connection.close(sending: .goodbye(Goodbye(reason: .interrupted)))
    // The refused one comes again, with the same directory.
    _ = try whileBusy { try runEdge(configuration, cloud.endpoint, folder, run: "second") }
    #expect(cloud.stop().completed.map { "\($0.runId)" } == ["second"])
  }

  /// Whoever says nothing keeps nobody waiting, and is told when the cloud goes.
  @Test func silentClientsBlockNobody() throws {
    let folder = try SessionFolder()
    let cloud = try TestCloud(folder, sessions: nil)
    let silent = try (0..<3).map { _ in
      FramedConnection(try Socket.connect(to: cloud.endpoint, timeout: 60), role: .edge)
    }
    // Not `whileBusy`: the door is open.
    let configuration = try oneStepConfiguration()
    _ = try runEdge(configuration, cloud.endpoint, folder, run: "first")
    cloud.interruption.request()
    for client in silent {
      guard case .refusal(let refusal) = try client.receive().message else { throw CancellationError() }
      // A slow machine may have taken longer than a hello may take.
      #expect([.shuttingDown, .malformed].contains(refusal.code))
    }
    let (completed, error) = cloud.end()
    #expect(completed.map { "\($0.runId)" } == ["first"])
    #expect(error is InterruptedError)
  }

  @Test func tooManySilentClients() throws {
    let folder = try SessionFolder()
    let cloud = try TestCloud(folder, sessions: nil)
    let silent = try (0..<17).map { _ in
      FramedConnection(try Socket.connect(to: cloud.endpoint, timeout: 60), role: .edge)
    }
    guard case .refusal(let refusal) = try silent[16].receive().message else { throw CancellationError() }
    #expect(refusal.code == .busy)
    #expect(!refusal.reason.contains("serving the edge"))
    for client in silent { client.abandon() }
    _ = try whileBusy { try runEdge(oneStepConfiguration(), cloud.endpoint, folder) }
    #expect(cloud.stop().completed.count == 1)
  }
}
