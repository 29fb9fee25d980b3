import Facts
import Syntax

/// The members of a JSON object as properties with places.
enum JSONProperties {
  /// - Parameters:
  ///   - keys: the way from the word's outermost object to the one that holds the properties.
  ///   - isStream: the word is of commands to a monitor.
  /// - Throws: what jansson refuses.
  static func read(
    _ word: Word, keys: [String], source: String, path: String, isStream: Bool
  ) throws(SyntaxError) -> [Property] {
    let bytes = JSON.inDoubleQuotes(word.bytes)
    var value = try JSON.parse(bytes)
    for key in keys {
      guard let inner = value[key] else { return [] }
      value = inner
    }
    guard let members = value.members else {
      throw SyntaxError(message: "an object is expected", offset: 0)
    }
    let places = JSONPlaces(bytes).members(of: keys)
    return members.map { member in
      let place = places[member.key].map(word.range(of:))
      return Property(
        name: member.key, value: lower(member.value, word, isStream),
        location: Location(source: source, range: place, path: "\(path).\(member.key)"))
    }
  }

  static func lower(_ value: JSON, _ word: Word, _ isStream: Bool) -> PropertyValue {
    if case .string(let text) = value, word.leavesOpen(text, isStream: isStream) { return .unknown(text) }
    return PropertyValue(value)
  }

  static func problem(_ error: SyntaxError, in word: Word, source: String, path: String) -> InputProblem {
    let at = word.range(of: error.offset..<min(error.offset + 1, word.bytes.count))
    return InputProblem(
      message: "JSON: \(error.message)", fix: "correct the JSON; QEMU refuses it too",
      location: Location(source: source, range: at, path: path))
  }
}

/// QEMU's `key=value,…` text as properties with places.
enum KeyValueProperties {
  /// - Parameters:
  ///   - implied: the key of a first item that has no `=`.
  ///   - isStream: the word is of commands to a monitor, written in a file.
  static func read(_ word: Word, source: String, path: String, implied: String, isStream: Bool = false) -> [Property] {
    KeyValueText(word.bytes, implied: implied).items.map { item in
      let range = item.keyRange.lowerBound..<item.valueRange.upperBound
      return Property(
        name: item.key, value: word.leavesOpen(item.value, isStream: isStream) ? .unknown(item.value) : .string(item.value),
        location: Location(source: source, range: word.range(of: range), path: "\(path).\(item.key)"))
    }
  }
}
