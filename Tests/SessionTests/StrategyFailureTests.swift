import Foundation
import TestSupport
import Testing

@testable import Platform
@testable import Training
@testable import Transport

/// The strategies beside the hierarchical one against peers that lie, and beyond limits.
@Suite(.serialized) struct StrategyFailureTests {
  /// 3 steps of 4, 4 and 2 images, and 2 test batches of 4 and 2.
  private static func configuration(_ strategy: Strategy) throws -> RunConfiguration {
    var configuration = try quickConfiguration(bits: 32)
    configuration.strategy = strategy
    return configuration.canonical()
  }

  // MARK: Clouds

  /// Runs an edge against a script.
  ///
  /// - Returns: what ended the run, and what the edge logged.
  private func failure(
    _ strategy: Strategy, sourceLocation: SourceLocation = #_sourceLocation,
    _ script: @escaping @Sendable (FakeCloud.Peer) throws -> Void
  ) throws -> (error: any Error, rows: [MetricsRow]) {
    let folder = try SessionFolder()
    let cloud = try FakeCloud { peer in
      try peer.welcome()
      try script(peer)
    }
    do {
      _ = try runEdge(Self.configuration(strategy), cloud.endpoint, folder)
    } catch {
      try cloud.end()
      let rows = try folder.metrics("edge")
      #expect(rows.events.last == "failed", sourceLocation: sourceLocation)
      #expect(
        try folder.summary("edge").completedSteps == rows.steps.count, sourceLocation: sourceLocation)
      return (error, rows)
    }
    Issue.record("the run was completed", sourceLocation: sourceLocation)
    throw CancellationError()
  }

  private static func expectTold(_ code: String, _ peer: FakeCloud.Peer) throws {
    guard case .failure(let failure) = try peer.lastWord() else { throw CancellationError() }
    #expect(failure.code == code)
  }

  /// A gradient of other features than those that were sent, and one that is none.
  @Test(arguments: [(channels: 127, count: 4), (128, 3)]) func gradientOfOtherFeatures(
    channels: Int, count: Int
  ) throws {
    let (error, rows) = try failure(.split) { peer in
      _ = try peer.connection.receive()
      let shape = ActivationShape(count: count, height: 4, width: 4, channels: channels)
      var bytes: [UInt8] = []
      try ActivationCodec(format: .exact).encode(
        [Float](repeating: 0.5, count: shape.valueCount), shape: shape, into: &bytes)
      try peer.connection.send(.gradient(Gradient(sequence: 1, encoded: bytes)))
      try Self.expectTold("protocol", peer)
    }
    #expect(ErrorKind(error) == .protocolError, "\(error)")
    #expect(rows.steps.isEmpty)
  }

  @Test(arguments: [0, 7, 4000]) func gradientOfGarbage(byteCount: Int) throws {
    let (error, _) = try failure(.split) { peer in
      _ = try peer.connection.receive()
      try peer.connection.send(
        .gradient(Gradient(sequence: 1, encoded: [UInt8](repeating: 0x5a, count: byteCount))))
      try Self.expectTold("protocol", peer)
    }
    #expect(error is CodecError)
    #expect(ErrorKind(error) == .protocolError)
  }

  @Test func acknowledgedWithoutAGradient() throws {
    let (error, _) = try failure(.split) { peer in
      _ = try peer.connection.receive()
      try peer.sendLawlessly(FakeCloud.Peer.acknowledgement(1))
      try Self.expectTold("protocol", peer)
    }
    guard case WireError.order = error else { throw error }
  }

  /// One acknowledgement may stand for several batches: each is a step.
  @Test func cumulativeAcknowledgementsOfAStream() throws {
    let (error, rows) = try failure(.cloudStream) { peer in
      for _ in 0..<3 { _ = try peer.connection.receive() }
      try peer.acknowledge(3)
      _ = try peer.connection.receive()
      peer.connection.abandon()
    }
    #expect(ErrorKind(error) == .link)
    #expect(rows.steps.map(\.images) == [4, 4, 2])
  }

  // MARK: Edges

  /// Lets an edge misbehave by a script.
  ///
  /// - Returns: what ended the session.
  private func failure(of strategy: Strategy, _ script: (FakeEdge) throws -> Void) throws -> any Error {
    let folder = try SessionFolder()
    let cloud = try TestCloud(folder, sessions: 1)
    let edge = try FakeEdge(cloud.endpoint, Self.configuration(strategy), run: "bad")
    try script(edge)
    guard case .failure(let told) = try edge.lastWord() else { throw CancellationError() }
    edge.connection.abandon()
    let error = try #require(cloud.end().error)
    #expect(told.code == ErrorKind(error).failureCode)
    #expect(try folder.summary("cloud/bad").outcome == .failed(Role.cloud.text(of: error)))
    return error
  }

  @Test(arguments: [-1, 1]) func imagesOfAnotherSize(extra: Int) throws {
    let stream = try failure(of: .cloudStream) { edge in
      try edge.connection.send(.trainBatch(edge.images([1, 2, 3, 4], bytes: extra)))
    }
    let upload = try failure(of: .cloudUploadOnce) { edge in
      try edge.connection.send(.testImages(edge.images([1, 2, 3, 4], bytes: extra)))
    }
    for (error, type) in [(stream, FrameType.trainBatch), (upload, .testImages)] {
      #expect(
        error as? WireError
          == .payload(type: type, field: "images", expected: "12288 bytes", actual: "\(12288 + extra)"))
    }
  }

  @Test func labelThatIsNoClass() throws {
    for (strategy, type) in [(Strategy.cloudStream, FrameType.trainBatch), (.cloudUploadOnce, .trainImages)] {
      let error = try failure(of: strategy) { edge in
        let batch = edge.images([1, 10, 3, 4])
        try edge.connection.send(type == .trainBatch ? .trainBatch(batch) : .trainImages(batch))
      }
      #expect(error as? WireError == .payload(type: type, field: "labels", expected: "0 to 9", actual: "10"))
    }
  }

  @Test func moreImagesThanAnnounced() throws {
    let error = try failure(of: .cloudUploadOnce) { edge in
      for _ in 0..<2 { try edge.connection.send(.testImages(edge.images([1, 2, 3, 4]))) }
    }
    #expect(
      error as? WireError
        == .payload(type: .testImages, field: "count", expected: "6 in the run", actual: "8"))
  }

  @Test func fewerImagesThanAnnounced() throws {
    let error = try failure(of: .cloudUploadOnce) { edge in
      try edge.connection.send(.trainImages(edge.images([1, 2, 3, 4])))
      try edge.connection.send(.trainStep(edge.step()))
    }
    #expect(
      error as? WireError
        == .payload(type: .trainStep, field: "uploaded training images", expected: "10", actual: "4"))
  }

  @Test func moreStepsThanAnEpochHas() throws {
    let error = try failure(of: .cloudUploadOnce) { edge in
      for count in [4, 4, 2] {
        try edge.connection.send(.trainImages(edge.images([UInt16](repeating: 1, count: count))))
        _ = try edge.connection.receive()
      }
      for count in [4, 2] {
        try edge.connection.send(.testImages(edge.images([UInt16](repeating: 1, count: count))))
        _ = try edge.connection.receive()
      }
      for _ in 0..<4 { try edge.connection.send(.trainStep(edge.step())) }
    }
    #expect(error as? WireError == .order(expected: "3 steps of a kind in an epoch", actual: "one more"))
  }

  // MARK: A slow link

  /// The gradient of a batch would take four minutes; a session that ends does not wait for it.
  @Test(arguments: [true, false]) func gradientOnASlowLinkDoesNotHoldUpTheEnd(userEndsTheCloud: Bool) throws {
    var configuration = try Self.configuration(.split)
    configuration.link.rate = 1000
    let folder = try SessionFolder()
    let cloud = try TestCloud(folder, sessions: 1)
    let edge = try FakeEdge(cloud.endpoint, configuration, run: "edge")
    let start = ContinuousClock.now
    try edge.train(4)
    // So that the gradient is on its way, most probably.
    sleep(milliseconds: 500)
    if userEndsTheCloud {
      cloud.interruption.request()
      guard case .goodbye = try edge.lastWord() else { throw CancellationError() }
    } else {
      try edge.connection.send(.goodbye(Goodbye(reason: .interrupted)))
    }
    let error = cloud.end().error
    #expect(ContinuousClock.now - start < .seconds(60))
    #expect(error.map(ErrorKind.init) == (userEndsTheCloud ? .interrupted : .link), "\(error as Any)")
    #expect(try folder.metrics("cloud/edge").events.last == (userEndsTheCloud ? "interrupted" : "failed"))
  }

  // MARK: Limits

  @Test func uploadBeyondTheCloudsMemoryIsRefused() throws {
    let configuration = try Self.configuration(.cloudUploadOnce)
    #expect(configuration.uploadedBytes == 16 * 3074)
    let folder = try SessionFolder()
    let small = try TestCloud(folder, sessions: 1, maximumImageBytes: 16 * 3074 - 1)
    let error = #expect(throws: RefusedError.self) { try runEdge(configuration, small.endpoint, folder) }
    #expect(error?.code == .limitExceeded)
    #expect(error?.reason.contains("the images take 49184 bytes") == true, "\(error?.reason ?? "")")
    #expect(error?.reason.contains("--max-image-bytes of the cloud is 49183") == true)
    #expect(error.map(ErrorKind.init) == .refused)
    // What is sent in every epoch is not stored.
    _ = try whileBusy { try runEdge(Self.configuration(.cloudStream), small.endpoint, folder, run: "stream") }
    #expect(small.end().error == nil)

    let exact = try TestCloud(folder, sessions: 1, maximumImageBytes: 16 * 3074)
    _ = try runEdge(configuration, exact.endpoint, folder, run: "exact")
    #expect(exact.end().error == nil)
  }

  @Test func longestFrames() throws {
    #expect(try Self.configuration(.cloudStream).largestFrameBytes() == 24 + 4 + 4 * 3074)
    var split = try quickConfiguration(bits: 1)
    split.strategy = .split
    // 4 images of 4×4×128 values: the gradients are what is long.
    #expect(try split.canonical().largestFrameBytes() == 24 + 24 + 4 * 2048 * 4)
  }

  // MARK: Divergence

  @Test(arguments: [Strategy.split, .cloudStream, .cloudUploadOnce, .edgeOnly])
  func divergenceIsToldToBothSides(strategy: Strategy) throws {
    var configuration = try Self.configuration(strategy)
    configuration.trainImages = 60
    configuration.batchSize = 2
    configuration.learningRate = 1000
    configuration.weightDecay = 1
    configuration.schedule = .constant
    let folder = try SessionFolder()
    let cloud = strategy.needsCloud ? try TestCloud(folder, sessions: 1) : nil
    do {
      _ = try runEdge(configuration, cloud?.endpoint, folder)
      Issue.record("it did not diverge")
    } catch {
      #expect(ErrorKind(error) == .diverged, "\(error)")
    }
    if let error = cloud?.end().error { #expect(ErrorKind(error) == .diverged, "\(error)") }
    #expect(try folder.metrics("edge").events.last == "failed")
  }
}
