import Compute

/// How the work of a convolution is divided: each worker takes some of the images' lines and some output channels, a
/// pair that no other one has, and needs nothing of the others'.
///
/// Where there are few lines and many channels the workers share the channels, since the kernels, which each worker
/// brings into an order of its own, are then most of what it has to read; else they share the lines only.
struct WorkPartition {
  private let workers: Int
  private let channelGroups: Int
  private let columns: Int

  /// Ranges of output channels begin at multiples of it: a vector.
  private static let channelGrain = 16
  /// A group has at least so many output channels: with fewer, products are too narrow for sgemm.
  private static let leastGroup = 32

  /// - Parameters:
  ///   - lines: what the images are divided into, such as lines of tiles, or whole images; of the largest batch.
  ///   - lineTiles: rows of a product that a line gives.
  ///   - inner: channels that are summed over.
  ///   - columns: output channels.
  init(lines: Int, lineTiles: Int, inner: Int, columns: Int, workers: Int) {
    self.workers = workers
    self.columns = columns
    /// What the busiest worker does for a product, in multiplications and additions: those, and, by measurement, 11 for
    /// each value that is brought there, 8 for each that is taken from there, 20 for each of the kernels.
    func cost(_ groups: Int) -> Int {
      let tiles = (lines * groups + workers - 1) / workers * lineTiles
      let grains = (columns + Self.channelGrain - 1) / Self.channelGrain
      let columns = (grains + groups - 1) / groups * Self.channelGrain
      return tiles * (2 * inner * columns + 11 * inner + 8 * columns) + 20 * inner * columns
    }
    channelGroups =
      (1...workers)
      .filter { workers.isMultiple(of: $0) && ($0 == 1 || columns / $0 >= Self.leastGroup) }
      .min { cost($0) < cost($1) } ?? 1
  }

  /// Groups of workers that each have all output channels together.
  var tileGroups: Int { workers / channelGroups }

  /// Which of `tileGroups` a worker belongs to.
  func tileGroup(of worker: Int) -> Int { worker / channelGroups }

  /// The lines that a worker takes of so many.
  func lines(of worker: Int, of lines: Int) -> Range<Int> {
    let group = tileGroup(of: worker)
    return lines * group / tileGroups..<lines * (group + 1) / tileGroups
  }

  /// The output channels that a worker takes.
  func columns(of worker: Int) -> Range<Int> {
    let grains = (columns + Self.channelGrain - 1) / Self.channelGrain
    let group = worker % channelGroups
    func bound(_ group: Int) -> Int { min(columns, grains * group / channelGroups * Self.channelGrain) }
    return bound(group)..<bound(group + 1)
  }

  /// The most lines and output channels that a worker takes.
  func largestShare(lines: Int) -> (lines: Int, columns: Int) {
    (0..<workers).reduce((0, 0)) { most, worker in
      (max(most.0, self.lines(of: worker, of: lines).count), max(most.1, columns(of: worker).count))
    }
  }
}
