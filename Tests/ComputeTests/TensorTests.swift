import Compute
import TestSupport
import Testing

@Suite struct TensorTests {
  @Test func isZeroAlignedAndCounted() {
    let tensor = Tensor(FeatureShape(height: 5, width: 7, channels: 3), count: 2)
    #expect(Int(bitPattern: tensor.data) % 64 == 0)
    #expect(tensor.buffer.allSatisfy { $0 == 0 })
    #expect([tensor.values, tensor.rows, tensor.capacity, tensor.shape.positions] == [210, 70, 210, 35])
  }

  @Test func takesAnotherShapeWithinItsCapacity() {
    let tensor = Tensor.random(FeatureShape(height: 2, width: 3, channels: 4), count: 5)
    let before = Array(tensor.buffer)
    tensor.resize(count: 2)
    #expect([tensor.count, tensor.values, tensor.capacity] == [2, 48, 120])
    tensor.resize(FeatureShape(channels: 7), count: 3)
    expectSame(tensor.buffer, before[..<21])
  }

  @Test func copiesShapeCountAndValues() {
    let source = Tensor.random(FeatureShape(height: 2, width: 3, channels: 4), count: 2)
    let copy = Tensor(FeatureShape(channels: 100), count: 1)
    copy.copy(from: source)
    #expect(copy.shape == source.shape && copy.count == 2)
    expectSame(copy.buffer, source.buffer)
  }
}

@Suite struct TensorPoolTests {
  static let shape = FeatureShape(height: 2, width: 3, channels: 4)

  @Test func lendsAgainWhatWasGivenBack() {
    let pool = TensorPool()
    let first = pool.take(Self.shape, count: 5)
    pool.give(first)
    let second = pool.take(FeatureShape(channels: 7), count: 3)
    #expect(second === first)
    #expect(second.shape == FeatureShape(channels: 7) && second.count == 3)
    #expect(pool.take(Self.shape, count: 1) !== first, "it is lent already")
  }

  @Test func takesTheSmallestThatFits() {
    let pool = TensorPool()
    let sizes = [50, 10, 30, 20].map { pool.take(FeatureShape(channels: $0), count: 1) }
    sizes.forEach(pool.give)
    #expect(pool.take(FeatureShape(channels: 15), count: 1) === sizes[3])
    #expect(pool.take(FeatureShape(channels: 15), count: 1) === sizes[2])
    #expect(pool.take(FeatureShape(channels: 51), count: 1).capacity == 51, "none fits")
  }

  @Test func doesNotGrowOverManySteps() {
    let pool = TensorPool()
    var seen: [ObjectIdentifier: Tensor] = [:]
    for _ in 0..<100 {
      // As a backward pass does: the gradient of one layer lives until the next has made its own.
      var gradient = pool.take(FeatureShape(channels: 10), count: 8)
      seen[ObjectIdentifier(gradient)] = gradient
      for channels in [20, 40, 40, 30] {
        let next = pool.take(FeatureShape(channels: channels), count: 8)
        seen[ObjectIdentifier(next)] = next
        pool.give(gradient)
        gradient = next
      }
      pool.give(gradient)
    }
    #expect(seen.count <= 4)
  }
}

@Suite struct ComputeContextTests {
  @Test func scratchIsEachWorkersOwnAndOnlyGrows() throws {
    let context = try ComputeContext(threads: 3)
    #expect(context.threads == 3)
    context.reserveScratch([100, 0])
    let before = (0..<3).map { context.scratch(worker: $0, slot: 0) }
    context.reserveScratch([50, 10])
    #expect((0..<3).map { context.scratch(worker: $0, slot: 0) } == before)
    let sizes = [200, 10, 5]
    context.reserveScratch(sizes)
    for worker in 0..<3 {
      for (slot, values) in sizes.enumerated() {
        context.scratch(worker: worker, slot: slot).update(repeating: Float(worker * 3 + slot), count: values)
      }
    }
    for worker in 0..<3 {
      for (slot, values) in sizes.enumerated() {
        let area = UnsafeBufferPointer(start: context.scratch(worker: worker, slot: slot), count: values)
        #expect(area.allSatisfy { $0 == Float(worker * 3 + slot) }, "nobody else has written there")
      }
    }
  }
}
