import Training
import Transport

/// The cloud goes on with a run where gradients are exchanged from before this side's position: nobody has what lies
/// between.
struct EarlierPositionError: Error, CustomStringConvertible {
  /// The last record that the cloud has applied.
  let applied: UInt64

  var description: String { "the cloud goes on after record \(applied)" }
}

/// Where gradients are exchanged, neither side can go on without the other: both write their state at the same record.
/// The two that each keeps have the same numbers on both sides, and the next one is begun only when both have the one
/// before, so that there is always one that both have.
struct LockStep {
  /// Of the newest checkpoint that both sides have, or of the beginning of the run.
  private(set) var common: Int
  /// Whether it is time for one.
  private(set) var isWanted = false
  /// What the cloud was asked for, and on which connection.
  private var asked: (request: CheckpointRequest, connection: Int)?

  /// - Parameter number: of the checkpoint from which the run goes on; 0 at its beginning.
  init(after number: Int) { common = number }

  /// The run's first state is written; the cloud has it without a file.
  mutating func began() { common = 1 }

  /// It is time for a checkpoint, and this side has written the one before.
  ///
  /// - Parameter sequence: the last record; it is answered.
  /// - Returns: the number of the checkpoint that is to be written now, if the cloud has been asked for it, too.
  mutating func request(at sequence: UInt64, _ link: EdgeLink) -> Int? {
    let durable = link.durable
    if let asked {
      if durable.through >= asked.request.sequence {
        common = asked.request.number
      } else if durable.connection == asked.connection {
        return nil
      }
      // On a connection that was lost: it takes the place of the one that the cloud may not have.
      self.asked = nil
    }
    let request = CheckpointRequest(sequence: sequence, number: common + 1)
    guard let connection = link.request(request) else { return nil }
    asked = (request, connection)
    isWanted = false
    return request.number
  }

  mutating func want() { isWanted = true }
}
