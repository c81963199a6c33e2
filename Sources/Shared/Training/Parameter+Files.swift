import NeuralNetwork
import WeightFiles

extension Parameter {
  /// Itself as a tensor of a file, in PyTorch's order.
  ///
  /// - Parameter copy: the values to be stored in place of the present ones; they must stay until they are written.
  func tensor(of copy: UnsafeMutableBufferPointer<Float>? = nil) -> NamedTensor {
    let values = copy ?? value
    guard let base = values.baseAddress else { preconditionFailure("\(name) is empty") }
    switch layout {
    case .scalar: return .scalar(name: name, Int64(values[0]))
    case .vector(let count): return .values(name: name, shape: [count], UnsafeBufferPointer(values))
    case .linear(let inputs, let outputs):
      return .linear(name: name, weights: base, inputs: inputs, outputs: outputs)
    case .convolution(let kernelSize, let inputs, let outputs):
      return .convolutionOIHW(
        name: name, weights: base, kernelHeight: kernelSize, kernelWidth: kernelSize, inputChannels: inputs,
        outputChannels: outputs)
    }
  }
}

extension SafetensorsReader {
  /// Reads the values of parameters, running statistics and momenta.
  ///
  /// - Parameters:
  ///   - parameters: all that the file is to hold.
  ///   - others: names of tensors that it holds besides.
  /// - Throws: `SafetensorsError` for a missing tensor or another shape, `WeightsFileError.unexpectedTensor`; nothing
  ///   is changed then. `SafetensorsError.cannotRead`, `WeightsFileError.value` for a number that is not finite or a
  ///   count that is none; what has been read until then stays.
  func load(_ parameters: [Parameter], besides others: Set<String> = []) throws {
    for parameter in parameters { try check(parameter) }
    let names = Set(parameters.map(\.name)).union(others)
    if let name = entries.keys.filter({ !names.contains($0) }).min() {
      throw WeightsFileError.unexpectedTensor(path: path, name: name)
    }
    for parameter in parameters { try read(parameter) }
  }

  /// - Throws: `SafetensorsError` if there is no such tensor, or it has another type or shape.
  func check(_ parameter: Parameter) throws {
    guard let entry = entries[parameter.name] else {
      throw SafetensorsError.missingTensor(path: path, name: parameter.name)
    }
    let layout = parameter.layout
    guard entry.elementType == layout.storedType, entry.shape == layout.storedShape else {
      throw SafetensorsError.wrongTensor(
        path: path, name: parameter.name, expected: "\(layout.storedType.rawValue) \(layout.storedShape)",
        actual: "\(entry.elementType.rawValue) \(entry.shape)")
    }
  }

  /// Reads the values of a parameter that has been checked.
  ///
  /// - Throws: `SafetensorsError.cannotRead`, `WeightsFileError.value`.
  func read(_ parameter: Parameter) throws {
    let (name, values) = (parameter.name, parameter.value)
    switch parameter.layout {
    case .scalar:
      let count = try integers(name, shape: [])[0]
      // The layers count in floats, which stop at 2²⁴.
      guard (0...1 << 24).contains(count) else {
        throw WeightsFileError.value(
          path: path, tensor: name, expected: "a count of 0 to \(1 << 24)", actual: "\(count)")
      }
      values[0] = Float(count)
    case .vector(let count): try read(name, shape: [count], into: values)
    case .linear(let inputs, let outputs): try restore(parameter, kernelSize: 1, inputs, outputs)
    case .convolution(let kernelSize, let inputs, let outputs):
      try restore(parameter, kernelSize: kernelSize, inputs, outputs)
    }
    try checkFinite(parameter)
  }

  /// - Throws: `WeightsFileError.value`.
  func checkFinite(_ parameter: Parameter) throws {
    if let value = parameter.value.first(where: { !$0.isFinite }) {
      throw WeightsFileError.value(path: path, tensor: parameter.name, expected: "finite numbers", actual: "\(value)")
    }
  }

  /// From PyTorch's order to ours.
  private func restore(_ parameter: Parameter, kernelSize: Int, _ inputs: Int, _ outputs: Int) throws {
    let stored = try floats(parameter.name, shape: parameter.layout.storedShape)
    guard let weights = parameter.value.baseAddress else { preconditionFailure("\(parameter.name) is empty") }
    let order = ConvolutionOrder(
      kernelHeight: kernelSize, kernelWidth: kernelSize, inputChannels: inputs, outputChannels: outputs)
    stored.withUnsafeBufferPointer { order.restore($0, to: weights) }
  }
}

extension Parameter.Layout {
  /// The shape in the file: PyTorch's.
  var storedShape: [Int] {
    switch self {
    case .scalar: []
    case .vector(let count): [count]
    case .linear(let inputs, let outputs): [outputs, inputs]
    case .convolution(let kernelSize, let inputs, let outputs): [outputs, inputs, kernelSize, kernelSize]
    }
  }

  fileprivate var storedType: SafetensorsElementType { if case .scalar = self { .int64 } else { .float32 } }
}
