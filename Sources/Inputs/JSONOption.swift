import Facts
import Syntax

extension CommandLineReader {
  /// Options whose argument may be JSON, beside those that are read apart (QEMU system/vl.c: qemu_init).
  static let jsonOptions: Set<String> = ["netdev", "blockdev", "audiodev"]

  /// Longest path of a member that is divided further, in bytes: names that QEMU has are shorter.
  private static let pathLimit = 96

  /// Reads the members of an option that is written as JSON.
  mutating func readMembers(_ argument: Word, _ whole: Location) {
    guard argument.bytes.first == UInt8(ascii: "{"), !TemplatePlaceholder.isOpen(argument.text) else { return }
    do {
      var members: [Property] = []
      CommandLineReader.divide(try JSON.parse(JSON.inDoubleQuotes(argument.bytes)), "", argument, whole, into: &members)
      definition.machine.jsonMembers[whole] = members
    } catch {
      // A value without quotes is not JSON before the shell has replaced it.
      if argument.hasUnknown { return }
      definition.problems.append(JSONProperties.problem(error, in: argument, source: source.name, path: whole.path))
    }
  }

  private static func divide(_ value: JSON, _ path: String, _ word: Word, _ whole: Location, into members: inout [Property]) {
    func add(_ value: PropertyValue) { members.append(Property(name: path, value: value, location: whole)) }
    switch value {
    case .object(let inner) where path.utf8.count <= pathLimit:
      if inner.isEmpty, !path.isEmpty { add(.object) }
      for member in inner { divide(member.value, path.isEmpty ? member.key : "\(path).\(member.key)", word, whole, into: &members) }
    case .array(let items) where path.utf8.count <= pathLimit:
      if items.isEmpty { add(.array) }
      for (index, item) in items.enumerated() { divide(item, "\(path)[\(index)]", word, whole, into: &members) }
    case .object, .array: add(.unknown(path))
    default: add(JSONProperties.lower(value, word, false))
    }
  }
}
