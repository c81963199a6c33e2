import FoundationEssentials
import WeightFiles

extension SafetensorsReader {
  /// The names of the classes that a file's network tells apart, by index, as the configuration in its metadata has
  /// them; none if it does not say.
  var classNames: [String] {
    guard let json = metadata[WeightsFile.configurationKey],
      let configuration = try? JSONDecoder().decode(NamedClasses.self, from: Data(json.utf8))
    else { return [] }
    return configuration.task.classNames
  }
}

/// Of a configuration of any version, what names the classes.
private struct NamedClasses: Decodable {
  let task: Task

  struct Task: Decodable {
    let classNames: [String]

    enum CodingKeys: String, CodingKey { case classNames = "class_names" }
  }
}
