import Datasets
import FoundationEssentials
import WeightFiles

extension SafetensorsReader {
  /// The names of the classes that a file's network tells apart, by index, as the configuration in its metadata has
  /// them; none if it does not say.
  var classNames: [String] {
    guard let json = metadata[WeightsFile.configurationKey],
      let configuration = try? JSONDecoder().decode(NamedClasses.self, from: Data(json.utf8))
    else { return [] }
    return configuration.task.map { $0.classNames ?? [] } ?? ImageTask.standard(data: configuration.data).classNames
  }
}

/// Of a configuration of any version, what names the classes.
private struct NamedClasses: Decodable {
  let data: String
  /// Absent for that which goes with the data.
  let task: Task?

  struct Task: Decodable {
    let classNames: [String]?

    enum CodingKeys: String, CodingKey { case classNames = "class_names" }
  }
}
