import Platform
import Testing

@testable import Transport

/// The order of messages, without any input or output.
@Suite struct ConversationTests {
  /// Who says what.
  enum Line {
    case edge(Message)
    case cloud(Message)
  }

  static func play(_ lines: [Line], as role: Role) throws -> ConversationStateMachine {
    var machine = ConversationStateMachine(role: role)
    for line in lines {
      switch (line, role) {
      case (.edge(let message), .edge), (.cloud(let message), .cloud): try machine.willSend(message)
      case (.edge(let message), .cloud), (.cloud(let message), .edge): try machine.didReceive(message)
      }
    }
    return machine
  }

  static let welcome = Message.welcome(Welcome(maximumFrameBytes: 1 << 26, softwareVersion: "0"))
  static let refusal = Message.refusal(Refusal(code: .busy, reason: "busy"))
  static let failure = Message.failure(Failure(code: "x", reason: "y"))
  static func goodbye(_ reason: Goodbye.Reason) -> Message { .goodbye(Goodbye(reason: reason)) }
  static func train(_ sequence: UInt64) -> Line { .edge(.trainBatch(batch(sequence))) }
  static func evaluate(_ sequence: UInt64) -> Line { .edge(.evaluationBatch(batch(sequence))) }
  static func acknowledge(_ sequence: UInt64) -> Line { .cloud(acknowledgement(sequence)) }
  static func opening(
    window: Int = 4, exchange: Exchange = .activations, resume: ResumePosition? = nil
  ) throws -> [Line] {
    let welcome = Welcome(maximumFrameBytes: 1 << 26, resume: resume, softwareVersion: "0")
    return [.edge(.hello(try hello(window: window, exchange: exchange))), .cloud(.welcome(welcome))]
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let lines: @Sendable () throws -> [Line]
    /// The error of the last line; `nil` if all are legal.
    let error: WireError?

    init(_ name: String, _ error: WireError? = nil, _ lines: @escaping @Sendable () throws -> [Line]) {
      (self.name, self.lines, self.error) = (name, lines, error)
    }

    var testDescription: String { name }
  }

  static func order(_ expected: String, _ actual: String) -> WireError {
    .order(expected: expected, actual: actual)
  }

  static let cases: [Case] = [
    Case("two epochs and a goodbye") {
      try opening() + [train(1), train(2), acknowledge(1), evaluate(3), acknowledge(3)]
        + [.edge(epochEnd(1, steps: 2)), .cloud(epochReport(1))]
        + [train(4), .edge(epochEnd(2, steps: 1)), acknowledge(4), .cloud(epochReport(2))]
        + [.edge(goodbye(.completed))]
    },
    Case("a run resumed in the middle of an epoch") {
      try opening(resume: ResumePosition(epoch: 3, step: 5))
        + [train(1), acknowledge(1), .edge(epochEnd(3, steps: 6)), .cloud(epochReport(3))]
    },
    Case("an epoch without evaluation, and one without batches") {
      try opening() + [train(1), acknowledge(1), .edge(epochEnd(1, steps: 1)), .cloud(epochReport(1))]
        + [.edge(epochEnd(2, steps: 0)), .cloud(epochReport(2))]
    },
    Case("refused after hello") { [.edge(.hello(try hello())), .cloud(refusal)] },
    Case("refused before hello") { [.cloud(refusal)] },
    Case("interrupted by the edge in mid-epoch") {
      try opening() + [train(1), .edge(goodbye(.interrupted)), acknowledge(1), .cloud(goodbye(.interrupted))]
    },
    Case("interrupted by the cloud; a batch crosses it") {
      try opening() + [.cloud(goodbye(.interrupted)), train(1), .edge(goodbye(.interrupted))]
    },
    Case("interrupted while waiting for the welcome") {
      [.edge(.hello(try hello())), .edge(goodbye(.interrupted)), .cloud(welcome)]
    },
    Case("failure of the edge before hello") { [.edge(failure)] },
    Case("failure of the cloud while reporting") {
      try opening() + [train(1), .edge(epochEnd(1, steps: 1)), .cloud(failure)]
    },
    Case("batch before hello", order("hello, failure", "train-batch 1 from the edge")) { [train(1)] },
    Case("batch before welcome", order("goodbye (interrupted), failure", "train-batch 1 from the edge")) {
      [.edge(.hello(try hello())), train(1)]
    },
    Case("welcome before hello", order("refusal, failure", "welcome from the cloud")) { [.cloud(welcome)] },
    Case(
      "second hello",
      order(
        "train-batch 1, evaluation-batch 1, epoch-end of epoch 1 after 0 steps, goodbye, failure",
        "hello from the edge")
    ) { try opening() + [.edge(.hello(try hello()))] },
    Case("second welcome", order("goodbye (interrupted), failure", "welcome from the cloud")) {
      try opening() + [.cloud(welcome)]
    },
    Case("refusal after welcome", order("goodbye (interrupted), failure", "refusal from the cloud")) {
      try opening() + [.cloud(refusal)]
    },
    Case("welcome after refusal", order("nothing more from the cloud", "welcome from the cloud")) {
      [.edge(.hello(try hello())), .cloud(refusal), .cloud(welcome)]
    },
    Case(
      "first batch is 2",
      order(
        "train-batch 1, evaluation-batch 1, epoch-end of epoch 1 after 0 steps, goodbye, failure",
        "train-batch 2 from the edge")
    ) { try opening() + [train(2)] },
    Case(
      "batch left out",
      order(
        "train-batch 2, evaluation-batch 2, epoch-end of epoch 1 after 1 steps, goodbye (interrupted), failure",
        "train-batch 3 from the edge")
    ) { try opening() + [train(1), train(3)] },
    Case(
      "batch repeated",
      order(
        "train-batch 2, evaluation-batch 2, epoch-end of epoch 1 after 1 steps, goodbye (interrupted), failure",
        "train-batch 1 from the edge")
    ) { try opening() + [train(1), train(1)] },
    Case(
      "training after evaluation",
      order(
        "evaluation-batch 3, epoch-end of epoch 1 after 1 steps, goodbye (interrupted), failure",
        "train-batch 3 from the edge")
    ) { try opening() + [train(1), evaluate(2), train(3)] },
    Case(
      "window overrun",
      order(
        "no batch while 2 of 2 are unacknowledged, epoch-end of epoch 1 after 2 steps, goodbye (interrupted), "
          + "failure", "train-batch 3 from the edge")
    ) { try opening(window: 2) + [train(1), train(2), train(3)] },
    Case("window moves on") {
      try opening(window: 1) + [train(1), acknowledge(1), evaluate(2), acknowledge(2)]
    },
    Case(
      "acknowledged beyond what was sent",
      order(
        "acknowledgement of 1 to 1, goodbye (interrupted), failure", "acknowledgement of 2 from the cloud")
    ) { try opening() + [train(1), acknowledge(2)] },
    Case(
      "acknowledged backwards",
      order(
        "acknowledgement of 3 to 3, goodbye (interrupted), failure", "acknowledgement of 1 from the cloud")
    ) { try opening() + [train(1), train(2), train(3), acknowledge(2), acknowledge(1)] },
    Case("acknowledged twice", order("goodbye (interrupted), failure", "acknowledgement of 1 from the cloud")) {
      try opening() + [train(1), acknowledge(1), acknowledge(1)]
    },
    Case("acknowledged 0", order("goodbye (interrupted), failure", "acknowledgement of 0 from the cloud")) {
      try opening() + [acknowledge(0)]
    },
    Case(
      "end of another epoch",
      order(
        "train-batch 2, evaluation-batch 2, epoch-end of epoch 1 after 1 steps, goodbye (interrupted), failure",
        "epoch-end of epoch 2 after 1 steps from the edge")
    ) { try opening() + [train(1), .edge(epochEnd(2, steps: 1))] },
    Case(
      "end of an epoch with another number of steps",
      order(
        "train-batch 2, evaluation-batch 2, epoch-end of epoch 1 after 1 steps, goodbye (interrupted), failure",
        "epoch-end of epoch 1 after 2 steps from the edge")
    ) { try opening() + [train(1), .edge(epochEnd(1, steps: 2))] },
    Case("batch before the report", order("goodbye (interrupted), failure", "train-batch 2 from the edge")) {
      try opening() + [train(1), acknowledge(1), .edge(epochEnd(1, steps: 1)), train(2)]
    },
    Case(
      "report that nobody asked for",
      order("goodbye (interrupted), failure", "epoch-report of epoch 1 from the cloud")
    ) {
      try opening() + [.cloud(epochReport(1))]
    },
    Case(
      "report before all is acknowledged",
      order(
        "acknowledgement of 1 to 1, goodbye (interrupted), failure", "epoch-report of epoch 1 from the cloud")
    ) { try opening() + [train(1), .edge(epochEnd(1, steps: 1)), .cloud(epochReport(1))] },
    Case(
      "report of another epoch",
      order(
        "epoch-report of epoch 1, goodbye (interrupted), failure", "epoch-report of epoch 2 from the cloud")
    ) { try opening() + [.edge(epochEnd(1, steps: 0)), .cloud(epochReport(2))] },
    Case(
      "completed in mid-epoch",
      order(
        "train-batch 2, evaluation-batch 2, epoch-end of epoch 1 after 1 steps, goodbye (interrupted), failure",
        "goodbye (completed) from the edge")
    ) { try opening() + [train(1), acknowledge(1), .edge(goodbye(.completed))] },
    Case(
      "completed by the cloud",
      order("goodbye (interrupted), failure", "goodbye (completed) from the cloud")
    ) { try opening() + [.cloud(goodbye(.completed))] },
    Case("batch after goodbye", order("nothing more from the edge", "train-batch 1 from the edge")) {
      try opening() + [.edge(goodbye(.completed)), train(1)]
    },
    Case("failure after failure", order("nothing more from the cloud", "failure from the cloud")) {
      [.cloud(failure), .cloud(failure)]
    },
    Case("acknowledgement from the edge", order("hello, failure", "acknowledgement of 1 from the edge")) {
      [.edge(acknowledgement(1))]
    },
    Case("hello from the cloud", order("refusal, failure", "hello from the cloud")) {
      [.cloud(.hello(try hello()))]
    },
  ]

  @Test(arguments: cases, [Role.edge, .cloud])
  func order(testCase: Case, role: Role) throws { try Self.check(testCase, as: role) }

  /// Plays a case to its end.
  static func check(_ testCase: Case, as role: Role) throws {
    let lines = try testCase.lines()
    guard let error = testCase.error else {
      _ = try play(lines, as: role)
      return
    }
    let before = try play(Array(lines.dropLast()), as: role)
    #expect(throws: error) { try play(lines, as: role) }
    // An illegal message changes nothing.
    var after = before
    switch (lines.last, role) {
    case (.edge(let message), .edge), (.cloud(let message), .cloud):
      #expect(throws: error) { try after.willSend(message) }
    case (.edge(let message), .cloud), (.cloud(let message), .edge):
      #expect(throws: error) { try after.didReceive(message) }
    case (nil, _): Issue.record("no lines")
    }
    #expect(after == before)
  }

  @Test func windowAndTurns() throws {
    func check(
      _ lines: [Line], canSend: Bool, edgeWaits: Bool, cloudWaits: Bool,
      sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      let edge = try Self.play(lines, as: .edge)
      let cloud = try Self.play(lines, as: .cloud)
      #expect(edge.canSendBatch == canSend, sourceLocation: sourceLocation)
      #expect(edge.expectsPeer == edgeWaits, sourceLocation: sourceLocation)
      #expect(cloud.expectsPeer == cloudWaits, sourceLocation: sourceLocation)
    }
    let opening = try Self.opening(window: 2)
    try check([], canSend: false, edgeWaits: false, cloudWaits: true)
    try check([opening[0]], canSend: false, edgeWaits: true, cloudWaits: false)
    try check(opening, canSend: true, edgeWaits: false, cloudWaits: true)
    var lines = opening + [Self.train(1)]
    try check(lines, canSend: true, edgeWaits: true, cloudWaits: true)
    lines.append(Self.evaluate(2))
    try check(lines, canSend: false, edgeWaits: true, cloudWaits: false)
    lines.append(Self.acknowledge(1))
    try check(lines, canSend: true, edgeWaits: true, cloudWaits: true)
    lines.append(Self.acknowledge(2))
    try check(lines, canSend: true, edgeWaits: false, cloudWaits: true)
    lines.append(.edge(epochEnd(1, steps: 1)))
    try check(lines, canSend: false, edgeWaits: true, cloudWaits: false)
    lines.append(.cloud(epochReport(1)))
    try check(lines, canSend: true, edgeWaits: false, cloudWaits: true)
    lines.append(.edge(Self.goodbye(.completed)))
    try check(lines, canSend: false, edgeWaits: true, cloudWaits: true)
  }

  @Test func positions() throws {
    var lines = try Self.opening(resume: ResumePosition(epoch: 3, step: 5)) + [Self.train(1), Self.train(2)]
    var machine = try Self.play(lines, as: .cloud)
    #expect((machine.epoch, machine.steps, machine.nextSequence, machine.unacknowledged) == (3, 7, 3, 2))
    lines += [Self.acknowledge(2), .edge(epochEnd(3, steps: 7)), .cloud(epochReport(3))]
    machine = try Self.play(lines, as: .cloud)
    #expect((machine.epoch, machine.steps, machine.nextSequence, machine.unacknowledged) == (4, 0, 3, 0))
    #expect(machine.phase == .training)
  }

  @Test func crossedRefusalAndHello() throws {
    // The edge has received the refusal before it sends its hello: it may still send it.
    var edge = try Self.play([.cloud(Self.refusal)], as: .edge)
    try edge.willSend(.hello(try hello()))
    var cloud = try Self.play([.cloud(Self.refusal)], as: .cloud)
    #expect(throws: WireError.self) { try cloud.didReceive(.hello(try hello())) }
  }
}
