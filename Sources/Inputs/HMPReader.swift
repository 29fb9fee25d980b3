import Facts
import Syntax

/// Human monitor commands, one a line, as people type them into a monitor: `device_add`, `object_add` and others,
/// with or without the prompt.
struct HMPReader {
  static let prompt = "(qemu)"

  /// Whether each line is a command of the human monitor, a prompt or a comment, and one of them adds something.
  static func isRecognised(_ bytes: [UInt8]) -> Bool {
    var adds = false
    for line in commandLines(bytes) {
      guard let command = command(Word(Array(line), at: line.startIndex)) else { continue }
      let isName = command.name.utf8.allSatisfy { (0x61...0x7a).contains($0) || $0 == 0x5f || $0 == 0x2d }
      guard isName || TemplatePlaceholder.isOpen(command.name) else { return false }
      if ["device_add", "object_add"].contains(command.name) { adds = true }
    }
    return adds
  }

  static func parse(_ source: SourceText) -> ParsedInput {
    var definition = ParsedInput(
      machine: MachineConfig(source: source.name, emulator: nil, missingPart: UnknownReason.withoutMachine))
    var number = 0
    var stream = MonitorStream()
    for line in commandLines(source.bytes) {
      guard let command = command(Word(Array(line), at: line.startIndex)) else { continue }
      let place = Location(source: source.name, range: command.rest.range, path: "\(command.name)[\(number)]")
      do throws(SyntaxError) {
        try definition.add(command, in: &stream, at: place)
      } catch {
        definition.problems.append(JSONProperties.problem(error, in: command.rest, source: source.name, path: place.path))
      }
      number += 1
    }
    stream.finish(&definition)
    return definition
  }

  /// The lines that may be commands: of a session, which begins with the monitor's greeting or a prompt, only those behind
  /// a prompt.
  private static func commandLines(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
    let lines = bytes.split(separator: 0x0a)
    func isPrompt(_ line: ArraySlice<UInt8>) -> Bool { line.drop { $0 <= 0x20 }.starts(with: prompt.utf8) }
    guard let first = lines.first(where: { $0.contains { $0 > 0x20 } }), isPrompt(first) || first.starts(with: "QEMU ".utf8)
    else { return lines }
    return lines.filter(isPrompt)
  }

  /// Nil for an empty line, a lone prompt and a comment.
  private static func command(_ line: Word) -> HMPCommand? {
    let start = line.bytes.firstIndex { $0 > 0x20 } ?? line.bytes.count
    // A blank at the end is a part of an argument that is the rest of the line.
    let end = max(start, line.bytes.last == 0x0d ? line.bytes.count - 1 : line.bytes.count)
    var text = start..<end
    if line.bytes[text].starts(with: prompt.utf8) { text = start + prompt.utf8.count..<end }
    guard let command = HMPCommand(line.part(text)), !command.name.hasPrefix("#") else { return nil }
    return command
  }
}

extension ParsedInput {
  /// Adds the device or object of a human monitor command, or the changes of another one. Devices are key=value text; objects
  /// may be JSON too (QEMU qom/object_interfaces.c: user_creatable_add_from_str).
  mutating func add(_ command: HMPCommand, in stream: inout MonitorStream, at place: Location) throws(SyntaxError) {
    let driver = KeyValueText(command.argument?.bytes ?? [], implied: "driver").items.last { $0.key == "driver" }?.value
    if TemplatePlaceholder.isOpen(command.name) || driver.map(TemplatePlaceholder.isOpen) == true && command.name == "device_add" {
      machine.unreadParts.append(
        UnreadPart(what: "value of `\(driver ?? command.name)`", reason: "another program fills it in", location: place))
    }
    guard ["device_add", "object_add"].contains(command.name) else {
      stream.read(.init(name: command.name, argument: { _ in command.argument?.text }, place: place), into: &self)
      if let block = HostStorage(text: command.rest.text) {
        machine.unreadParts.append(block.part(at: place))
      }
      return
    }
    let isDevice = command.name == "device_add"
    // object_add takes the rest of the line, quotes too (QEMU hmp-commands.hx).
    guard let argument = isDevice ? command.argument : command.rest else {
      problems.append(
        InputProblem(
          message: "the arguments of `\(command.name)` have an open quote or an escape that QEMU does not know, "
            + "or are longer than what it reads",
          fix: "use QMP's own command", location: place))
      return
    }
    if isDevice, command.hasMore {
      // `{{ name }}` has blanks.
      if TemplatePlaceholder.isIn(command.rest.text) {
        return machine.unreadParts.append(
          UnreadPart(what: "value of `\(command.rest.text)`", reason: "another program fills it in", location: place))
      }
      problems.append(
        InputProblem(
          message: "text follows the argument of `\(command.name)`: QEMU answers `extraneous characters at the end of line`",
          fix: "write a comma in place of a blank between properties, or put the argument into double quotes", location: place))
    }
    let isJSON = !isDevice && argument.bytes.first == UInt8(ascii: "{")
    let properties = isJSON
      ? try JSONProperties.read(argument, keys: [], source: place.source, path: place.path, isStream: true)
      : KeyValueProperties.read(
        argument, source: place.source, path: place.path, implied: isDevice ? "driver" : "qom-type", isStream: true)
    if isDevice {
      let device = DeviceRequest(form: .keyval, plug: .hot, properties: properties, location: place)
      // QEMU prints help and plugs nothing.
      if device.asksForHelp { return }
      stream.add(device, to: &self)
    } else {
      stream.add(ObjectRequest(properties: properties, location: place, isJSON: isJSON, isAdded: true), to: &self)
    }
  }
}
