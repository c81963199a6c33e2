import Platform
import Testing

@testable import Transport

/// The order of messages, without any input or output: how a conversation begins and ends, and whose turn it is.
@Suite struct ConversationTests: ConversationSpeech {
  /// Who says what.
  enum Line {
    case edge(Message)
    case cloud(Message)
  }

  static func play(_ lines: [Line], as role: Role) throws -> ConversationStateMachine {
    var machine = ConversationStateMachine(role: role)
    for line in lines { try say(line, to: &machine) }
    return machine
  }

  private static func say(_ line: Line, to machine: inout ConversationStateMachine) throws(WireError) {
    switch (line, machine.role) {
    case (.edge(let message), .edge), (.cloud(let message), .cloud): try machine.willSend(message)
    case (.edge(let message), .cloud), (.cloud(let message), .edge): try machine.didReceive(message)
    }
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

  static let cases: [Case] = [
    Case("two epochs and a goodbye") {
      try opening() + [train(1), train(2), acknowledge(1), evaluate(3), acknowledge(3), end(1, steps: 2, 4), report(1)]
        + [train(5), end(2, steps: 1, 6), acknowledge(5), report(2), .edge(goodbye(.completed))]
    },
    Case("an epoch without evaluation, and one without batches") {
      try opening() + [train(1), acknowledge(1), end(1, steps: 1, 2), report(1), end(2, steps: 0, 3), report(2)]
    },
    Case("refused after hello") { [.edge(.hello(try hello())), .cloud(refusal)] },
    Case("refused before hello") { [.cloud(refusal)] },
    Case("interrupted by the edge in mid-epoch") {
      try opening() + [train(1), .edge(goodbye(.interrupted)), acknowledge(1), .cloud(goodbye(.interrupted))]
    },
    Case("interrupted by the edge; a report crosses it") {
      try opening() + [end(1, steps: 0, 1), .edge(goodbye(.interrupted)), report(1), .cloud(durable(1))]
    },
    Case("interrupted by the cloud; records cross it") {
      try opening()
        + [.cloud(goodbye(.interrupted)), train(1), end(1, steps: 1, 2), train(3), .edge(goodbye(.interrupted))]
    },
    Case("interrupted while waiting for the welcome") {
      [.edge(.hello(try hello())), .edge(goodbye(.interrupted)), .cloud(welcome)]
    },
    Case("failure of the edge before hello") { [.edge(failure)] },
    Case("failure of the cloud that owes a report") {
      try opening() + [train(1), end(1, steps: 1, 2), .cloud(failure)]
    },
    Case("batch before hello", order("hello, failure", "train-batch 1 from the edge")) { [train(1)] },
    Case("batch before welcome", order("goodbye (interrupted), failure", "train-batch 1 from the edge")) {
      [.edge(.hello(try hello())), train(1)]
    },
    Case(
      "end of an epoch before welcome",
      order("goodbye (interrupted), failure", "epoch-end 1 of epoch 1 after 0 steps from the edge")
    ) {
      [.edge(.hello(try hello())), end(1, steps: 0, 1)]
    },
    Case("acknowledged before welcome", order("welcome, refusal, failure", "acknowledgement of 1 from the cloud")) {
      [.edge(.hello(try hello())), acknowledge(1)]
    },
    Case("welcome before hello", order("refusal, failure", "welcome from the cloud")) { [.cloud(welcome)] },
    Case(
      "second hello",
      order(
        "train-batch 1, evaluation-batch 1, epoch-end 1 of epoch 1 after 0 steps, goodbye, failure",
        "hello from the edge")
    ) { try opening() + [.edge(.hello(try hello()))] },
    Case("second welcome", order("durable of 0 to 0, goodbye (interrupted), failure", "welcome from the cloud")) {
      try opening() + [.cloud(welcome)]
    },
    Case("refusal after welcome", order("durable of 0 to 0, goodbye (interrupted), failure", "refusal from the cloud"))
    {
      try opening() + [.cloud(refusal)]
    },
    Case("welcome after refusal", order("nothing more from the cloud", "welcome from the cloud")) {
      [.edge(.hello(try hello())), .cloud(refusal), .cloud(welcome)]
    },
    Case(
      "completed in training",
      order(
        "train-batch 2, evaluation-batch 2, epoch-end 2 of epoch 1 after 1 steps, goodbye (interrupted), failure",
        "goodbye (completed) from the edge")
    ) { try opening() + [train(1), acknowledge(1), .edge(goodbye(.completed))] },
    Case(
      "completed in evaluation",
      order(
        "evaluation-batch 2, epoch-end 2 of epoch 1 after 0 steps, goodbye (interrupted), failure",
        "goodbye (completed) from the edge")
    ) { try opening() + [evaluate(1), acknowledge(1), .edge(goodbye(.completed))] },
    Case(
      "completed without the last report",
      order(
        "train-batch 3, evaluation-batch 3, epoch-end 3 of epoch 2 after 0 steps, goodbye (interrupted), failure",
        "goodbye (completed) from the edge")
    ) { try opening() + [train(1), end(1, steps: 1, 2), acknowledge(1), .edge(goodbye(.completed))] },
    Case(
      "completed by the cloud",
      order("durable of 0 to 0, goodbye (interrupted), failure", "goodbye (completed) from the cloud")
    ) { try opening() + [.cloud(goodbye(.completed))] },
    Case("batch after goodbye", order("nothing more from the edge", "train-batch 1 from the edge")) {
      try opening() + [.edge(goodbye(.completed)), train(1)]
    },
    Case("durable after goodbye", order("nothing more from the cloud", "durable of 0 from the cloud")) {
      try opening() + [.cloud(goodbye(.interrupted)), .cloud(durable(0))]
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
    let last = try #require(lines.last)
    let before = try play(Array(lines.dropLast()), as: role)
    var after = before
    #expect(throws: error) { try say(last, to: &after) }
    // An illegal message changes nothing.
    #expect(after == before)
  }

  /// From the welcome to the end of the connection, either side is never silent for long.
  @Test func windowAndTurns() throws {
    func check(
      _ lines: [Line], canSend: Bool, edgeWaits: Bool = true, cloudWaits: Bool = true,
      sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      let edge = try Self.play(lines, as: .edge)
      let cloud = try Self.play(lines, as: .cloud)
      #expect(edge.canSendBatch == canSend, sourceLocation: sourceLocation)
      #expect(edge.expectsPeer == edgeWaits, sourceLocation: sourceLocation)
      #expect(cloud.expectsPeer == cloudWaits, sourceLocation: sourceLocation)
    }
    let opening = try Self.opening(window: 2)
    try check([], canSend: false, edgeWaits: false)
    try check([opening[0]], canSend: false, cloudWaits: false)
    try check(opening, canSend: true)
    var lines = opening + [Self.train(1)]
    try check(lines, canSend: true)
    lines.append(Self.evaluate(2))
    try check(lines, canSend: false)
    lines.append(Self.acknowledge(1))
    try check(lines, canSend: true)
    lines.append(Self.end(1, steps: 1, 3))
    try check(lines, canSend: false)
    lines.append(Self.acknowledge(2))
    try check(lines, canSend: true)
    lines.append(Self.train(4))
    try check(lines, canSend: false)
    lines.append(Self.report(1))
    try check(lines, canSend: true)
    lines += [Self.acknowledge(4), Self.end(2, steps: 1, 5), Self.report(2)]
    try check(lines, canSend: true)
    lines.append(.edge(Self.goodbye(.completed)))
    try check(lines, canSend: false)
  }

  @Test func crossedRefusalAndHello() throws {
    // The edge has received the refusal before it sends its hello: it may still send it.
    var edge = try Self.play([.cloud(Self.refusal)], as: .edge)
    try edge.willSend(.hello(try hello()))
    var cloud = try Self.play([.cloud(Self.refusal)], as: .cloud)
    #expect(throws: WireError.self) { try cloud.didReceive(.hello(try hello())) }
  }
}
