import Facts
import Syntax

/// QMP commands, one or many, or the bare arguments of a `device_add`, to plug requests.
struct QMPReader {
  private(set) var definition: ParsedInput
  private let source: SourceText
  private var stream = MonitorStream()

  init(_ source: SourceText) {
    self.source = source
    definition = ParsedInput(
      machine: MachineConfig(
        source: source.name, emulator: nil, missingPart: UnknownReason.withoutMachine))
    for (index, word) in QMPReader.messages(source.bytes).enumerated() {
      do throws(SyntaxError) {
        try read(word, JSON.parse(word.bytes), index)
      } catch {
        definition.problems.append(
          JSONProperties.problem(error, in: word, source: source.name, path: "[\(index)]"))
      }
    }
    stream.finish(&definition)
  }

  /// The messages of a text, and of arrays in it, in their places. Strings may be in single quotes, as QEMU's own parser
  /// accepts them (QEMU qobject/json-lexer.c).
  private static func messages(_ bytes: [UInt8]) -> [Word] {
    let text = Transcript.messages(bytes)
    let plain = words(text)
    return plain.allSatisfy({ (try? JSON.parse($0.bytes)) != nil }) ? plain : words(JSON.inDoubleQuotes(text))
  }

  private static func words(_ text: [UInt8]) -> [Word] {
    JSONPlaces(text).values.flatMap { range -> [Word] in
      let value = Array(text[range])
      guard value.first == UInt8(ascii: "["), (try? JSON.parse(value)) != nil else { return [Word(value, at: range.lowerBound)] }
      return JSONPlaces.items(of: value).map { Word(Array(value[$0]), at: range.lowerBound + $0.lowerBound) }
    }
  }

  private mutating func read(_ word: Word, _ message: JSON, _ index: Int) throws(SyntaxError) {
    notePlaceholder(message, location(word, "[\(index)]"))
    if let refusal = QMPCommandText.refusal(of: message) {
      definition.problems.append(
        InputProblem(
          message: "QEMU answers `\(refusal)`", fix: "give the members that the command has", location: location(word, "[\(index)]")))
      return
    }
    switch message["execute"]?.string {
    case "device_add":
      try plug(word, keys: ["arguments"], path: "[\(index)].arguments")
    case "object-add":
      let properties = try JSONProperties.read(
        word, keys: ["arguments"], source: source.name, path: "[\(index)].arguments", isStream: true)
      stream.add(
        ObjectRequest(properties: properties, location: location(word, "[\(index)]"), isJSON: true, isAdded: true), to: &definition)
    case "human-monitor-command": try human(word, message, path: "[\(index)].arguments.command-line")
    case .some(let name):
      let command = MonitorStream.Command(
        name: name, argument: { message["arguments"]?[$0]?.string }, place: location(word, "[\(index)]"))
      stream.read(command, into: &definition)
      if let block = message["arguments"].flatMap({ HostStorage($0) ?? HostStorage(anyTextOf: $0) }) {
        definition.machine.unreadParts.append(block.part(at: command.place))
      }
    case nil where message["event"]?.string == "DEVICE_DELETED":
      message["data"]?["device"]?.string.map { stream.deviceDeleted($0) }
    case nil where ["QMP", "return", "error", "event", "exec-oob"].contains { message[$0] != nil }: break
    case nil:
      guard message["driver"] != nil else {
        throw SyntaxError(message: "neither a QMP command nor the arguments of device_add", offset: 0)
      }
      try plug(word, keys: [], path: "[\(index)]")
    }
  }

  /// Notes a command, a driver or a line of the human monitor that only a template or a program fills in.
  private mutating func notePlaceholder(_ message: JSON, _ place: Location) {
    let arguments = message["arguments"]
    let texts = [message["execute"], arguments?["driver"], arguments?["qom-type"], arguments?["command-line"], message["driver"]]
    guard let text = texts.compactMap({ $0?.string }).first(where: TemplatePlaceholder.isOpen) else { return }
    definition.machine.unreadParts.append(
      UnreadPart(what: "value of `\(text)`", reason: "another program fills it in", location: place))
  }

  private mutating func plug(_ word: Word, keys: [String], path: String) throws(SyntaxError) {
    let properties = try JSONProperties.read(word, keys: keys, source: source.name, path: path, isStream: true)
    stream.add(
      DeviceRequest(form: .json, plug: .hot, properties: properties, location: location(word, path)), to: &definition)
  }

  /// A plug through the human monitor, which takes key=value text, and JSON for objects only
  /// (QEMU qom/object_interfaces.c).
  private mutating func human(_ word: Word, _ message: JSON, path: String) throws(SyntaxError) {
    let keys = ["arguments", "command-line"]
    guard let line = message["arguments"]?["command-line"]?.string,
      let place = JSONPlaces(JSON.inDoubleQuotes(word.bytes)).range(of: keys),
      let command = HMPCommand(word.jsonString(at: place, line))
    else { return }
    let location = Location(source: source.name, range: word.range(of: place), path: path)
    try definition.add(command, in: &stream, at: location)
  }

  private func location(_ word: Word, _ path: String) -> Location {
    Location(source: source.name, range: word.range, path: path)
  }
}
