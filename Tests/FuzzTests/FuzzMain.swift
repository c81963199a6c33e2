import Platform

/// The target that FUZZ_TARGET names.
private let target: FuzzTarget = {
  let name = getenv("FUZZ_TARGET").map { String(cString: $0) } ?? ""
  guard let target = FuzzTarget.all.first(where: { $0.name == name }) else {
    fatalError("FUZZ_TARGET is \"\(name)\", expected one of \(FuzzTarget.all.map(\.name).joined(separator: ", "))")
  }
  return target
}()

/// What libFuzzer calls with each input.
@_cdecl("LLVMFuzzerTestOneInput") public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  do { try target.run(Array(UnsafeBufferPointer(start: start, count: count))) } catch {
    fatalError("\(target.name): \(error)")
  }
  return 0
}

/// Without FUZZ_TARGET the program prints the names of all targets. With FUZZ_SEEDS, a folder, it writes the target's
/// first inputs there, and beside it the dictionary.
@_cdecl("LLVMFuzzerInitialize") public func fuzzInitialize(
  _ count: UnsafeMutablePointer<Int32>?, _ arguments: UnsafeMutableRawPointer?
) -> Int32 {
  if getenv("FUZZ_TARGET") == nil {
    FuzzTarget.all.forEach { print($0.name) }
    exit(0)
  }
  guard let folder = getenv("FUZZ_SEEDS").map({ String(cString: $0) }) else { return 0 }
  do {
    try writeSeeds(to: folder)
    let words = target.words.map { word in
      "\"" + word.utf8.map { "\\x" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + "\"\n"
    }
    try AtomicFile.write(Array(words.joined().utf8), to: "\(folder).dictionary")
  } catch { fatalError("the seeds of \(target.name): \(error)") }
  exit(0)
}

/// Not inlined: what a function holds when it calls `exit` is a leak to the sanitizer.
@inline(never) private func writeSeeds(to folder: String) throws {
  for (number, seed) in try target.seeds().enumerated() { try AtomicFile.write(seed, to: "\(folder)/seed-\(number)") }
}
