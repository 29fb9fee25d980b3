import Facts
import Syntax

/// A file that a definition refers to.
public enum FollowedFile: Sendable {
  case found(SourceText)
  /// It could not be read; why.
  case failed(String)
}

/// Reads such files. Inputs opens none itself: its caller knows which folder is used as QEMU's
/// working directory.
public typealias FileFollower = (_ path: String) -> FollowedFile

/// `-readconfig FILE` (QEMU system/vl.c: qemu_parse_config_group).
extension CommandLineReader {
  /// More of them are not followed.
  private static let mostConfigs = 32

  mutating func readConfig(_ word: Word, _ whole: Location) {
    let path = word.text
    guard definition.sources.count < CommandLineReader.mostConfigs else {
      noteMissing(path)
      return complain(
        "more than \(CommandLineReader.mostConfigs) configuration files: this one was not read",
        "put them into one", whole)
    }
    switch follow?(path) ?? .failed("files that the definition names are not opened here") {
    case .failed where path.fileName == ProxmoxSlots.configurationFile:
      for device in ProxmoxSlots.q35Configuration {
        let properties = device.map { Property(name: $0.0, value: .string($0.1), location: whole) }
        definition.machine.devices.append(
          DeviceRequest(form: .keyval, plug: .cold, properties: properties, location: whole))
      }
    case .failed(let reason):
      noteMissing(path)
      definition.machine.unreadParts.append(
        UnreadPart(what: "the configuration file `\(path)`", reason: "it was not read: \(reason)", location: whole))
    case .found(let text):
      definition.sources.append(text)
      read(IniText(text.bytes, isStrict: true), of: text.name)
    }
  }

  /// The file that QEMU reads before its options, where there is one (QEMU system/vl.c: qemu_read_default_config_file).
  mutating func readDefaultConfig() {
    guard let path = ParsedInput.defaultConfig(of: definition.machine.program), case .found(let text)? = follow?(path) else { return }
    definition.sources.append(text)
    read(IniText(text.bytes, isStrict: true), of: text.name)
  }

  private mutating func noteMissing(_ path: String) {
    definition.machine.missingPart = "the configuration file `\(path)` was not read"
  }

  private mutating func complain(_ message: String, _ fix: String, _ place: Location) {
    definition.problems.append(InputProblem(message: message, fix: fix, location: place))
  }

  mutating func read(_ text: IniText, of file: String) {
    for problem in text.problems {
      complain(
        "\(problem.message): QEMU stops here", "write `[group \"id\"]` and `key = \"value\"`",
        Location(source: file, range: problem.range, path: ""))
    }
    for section in text.sections {
      let name = section.name + (section.id.map { " \"\($0)\"" } ?? "")
      let place = Location(source: file, range: section.wholeRange, path: "[\(name)]")
      for entry in section.entries where !entry.isQuoted {
        definition.machine.unquotedValues.append(
          Property(
            name: entry.key, value: .string(entry.value),
            location: Location(source: file, range: entry.range, path: "\(place.path).\(entry.key)")))
      }
      take(section, properties(section, file, place), place)
    }
  }

  private func properties(_ section: IniText.Section, _ file: String, _ place: Location) -> [Property] {
    // An id among the values replaces that of the head (observed on 11.1.3 and 7.2.22).
    let id = section.entries.contains { $0.key == "id" } ? nil : section.id.map {
      Property(
        name: "id", value: .string($0), location: Location(source: file, range: section.range, path: "\(place.path).id"))
    }
    let rest = section.entries.map { entry in
      Property(
        name: entry.key, value: .string(entry.isQuoted ? entry.value : ""),
        location: Location(source: file, range: entry.range, path: "\(place.path).\(entry.key)"))
    }
    return [id].compactMap { $0 } + rest
  }

  private mutating func take(_ section: IniText.Section, _ properties: [Property], _ place: Location) {
    func value(_ name: String) -> String { properties.last { $0.name == name }?.value.string ?? "" }
    switch section.name {
    case "device":
      append(DeviceRequest(form: .keyval, plug: .cold, properties: properties, location: place))
    case "object": definition.machine.objects.append(ObjectRequest(properties: properties, location: place, isSection: true))
    case "machine": definition.machine.machine += properties
    case "global":
      let names = ["driver", "property", "value"]
      if let other = properties.first(where: { !names.contains($0.name) && $0.name != "id" }) {
        return complain(
          "`\(other.name)` is not a part of `[global]`: QEMU stops with `Invalid parameter '\(other.name)'`",
          "write `driver`, `property` and `value`", other.location)
      }
      if let missing = names.first(where: { name in !properties.contains { $0.name == name } }) {
        return complain(
          "`[global]` has no `\(missing)`: QEMU crashes", "write `driver`, `property` and `value`", place)
      }
      definition.machine.globals.append(
        GlobalProperty(
          driver: value("driver"), property: value("property"), value: value("value"), location: place))
    case "readconfig", "include":
      complain(
        "there is no option group `\(section.name)`: a configuration file cannot read another, and QEMU stops",
        "name it with a -readconfig of its own", place)
    case _ where !InputFormat.groups.contains(section.name):
      definition.machine.unreadParts.append(
        UnreadPart(what: "option group `\(section.name)`", reason: "it is not one of QEMU up to 11.1", location: place))
    default:
      let text = properties.map { "\($0.name)=\(($0.value.string ?? "").doublingCommas)" }.joined(separator: ",")
      note(CommandLineReader.option[section.name] ?? section.name, text, place)
    }
  }

  /// Groups that are called otherwise than their options (QEMU qemu-options.hx).
  private static let option = ["memory": "m", "smp-opts": "smp", "boot-opts": "boot", "acpi": "acpitable"]
}

extension String {
  fileprivate var doublingCommas: String {
    split(separator: ",", omittingEmptySubsequences: false).joined(separator: ",,")
  }
}
