import Facts
import Syntax

/// Texts that hold one QEMU command among other things: the rest is blanked out in place, so that positions stay.
enum EmbeddedCommand {
  /// A copy of a text with everything but some parts blanked out, line ends kept.
  static func only(_ parts: [Range<Int>], of bytes: [UInt8]) -> [UInt8] {
    var text = bytes.map { $0 == 0x0a ? $0 : 0x20 }
    for part in parts { text.replaceSubrange(part, with: bytes[part]) }
    return text
  }

  /// The lines of a text, without their ends.
  static func lines(_ bytes: [UInt8]) -> [Range<Int>] {
    var lines: [Range<Int>] = []
    var start = 0
    while start < bytes.count {
      let end = bytes.lineEnd(from: start)
      lines.append(start..<end)
      start = end + 1
    }
    return lines
  }

  /// Whether a line continues in the next one: it ends in a backslash.
  static func continues(_ bytes: [UInt8], _ line: Range<Int>) -> Bool {
    let text = bytes[line].last == 0x0d ? bytes[line].dropLast() : bytes[line]
    return text.last == UInt8(ascii: "\\")
  }
}

/// A systemd service (systemd.service(5)): the commands of `ExecStart=`.
enum SystemdUnit {
  /// Whether a service starts QEMU, or mentions a device that it may give to one.
  static func isRelevant(_ bytes: [UInt8]) -> Bool {
    commands(bytes).contains { startsQEMU(bytes, $0) } || !DeviceMentions.all(in: bytes).isEmpty
  }

  /// Whether a text is a service of any program.
  static func isService(_ bytes: [UInt8]) -> Bool {
    let lines = EmbeddedCommand.lines(bytes).map { bytes[$0].drop { $0 <= 0x20 } }
    return lines.contains { $0.starts(with: "[Service]".utf8) } && !commands(bytes).isEmpty
      && !bytes.starts(with: "#!".utf8)
  }

  /// Whether a command is QEMU, or a shell's that starts it.
  private static func startsQEMU(_ bytes: [UInt8], _ command: Range<Int>) -> Bool {
    let script = ShellScript(Array(bytes[command]))
    return script.command != nil || script.hasInnerCommand
  }

  /// The values of `ExecStart=` or of another setting, without the prefixes that say how systemd runs them.
  static func commands(_ bytes: [UInt8], of setting: String = "ExecStart") -> [Range<Int>] {
    var found: [Range<Int>] = []
    var lines = EmbeddedCommand.lines(bytes)[...]
    while let line = lines.popFirst() {
      guard let start = bytes[line].firstIndex(where: { $0 > 0x20 }), bytes[start...].starts(with: setting.utf8),
        let equals = bytes[start..<line.upperBound].firstIndex(of: UInt8(ascii: "=")),
        bytes[start..<equals].split(whereSeparator: { $0 <= 0x20 }).map({ Array($0) }) == [Array(setting.utf8)]
      else { continue }
      var end = line.upperBound
      var last = line
      // Comment lines between continued lines are skipped.
      while EmbeddedCommand.continues(bytes, last), let next = lines.popFirst() {
        if isComment(bytes, next) { continue }
        last = next
        end = next.upperBound
      }
      let text = bytes[equals + 1..<end].drop(while: isPrefix)
      // An empty one takes those before it away, as in a drop-in file.
      if text.isEmpty { found = [] } else { found += separated(bytes, text.startIndex..<end) }
    }
    return found
  }

  /// Blanks, and marks that say how systemd runs a command.
  private static func isPrefix(_ byte: UInt8) -> Bool { byte <= 0x20 || "@-:+!|".utf8.contains(byte) }

  /// The commands of one value, between each `;` that is a word of its own (systemd.service(5), Command Lines).
  private static func separated(_ bytes: [UInt8], _ value: Range<Int>) -> [Range<Int>] {
    var all: [Range<Int>] = []
    var start = value.lowerBound
    var quote: UInt8?
    for line in EmbeddedCommand.lines(Array(bytes[value])).map({ $0.lowerBound + value.lowerBound..<$0.upperBound + value.lowerBound })
    where !isComment(bytes, line) || line.lowerBound == value.lowerBound {
      for index in line {
        let byte = bytes[index]
        if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") { quote = quote == nil ? byte : quote == byte ? nil : quote }
        guard quote == nil, byte == UInt8(ascii: ";"), index >= start, bytes[index - 1] <= 0x20,
          index + 1 == value.upperBound || bytes[index + 1] <= 0x20
        else { continue }
        all.append(start..<index)
        start = bytes[(index + 1)..<value.upperBound].firstIndex { !isPrefix($0) } ?? value.upperBound
      }
    }
    return all + [start..<value.upperBound]
  }

  static func parse(_ source: SourceText, _ follow: FileFollower?) -> ParsedInput {
    let all = commands(source.bytes)
    let isQEMU: (Range<Int>) -> Bool = { ShellScript(Array(source.bytes[$0])).command != nil }
    let starting = all.filter(isQEMU), command = starting.first ?? all.first
    var text = EmbeddedCommand.only([command].compactMap { $0 }, of: source.bytes)
    if let name = command.flatMap({ processName(source.bytes, $0) }) {
      text.replaceSubrange(name, with: repeatElement(0x20, count: name.count))
    }
    // To a shell, `;` would end the command.
    for line in EmbeddedCommand.lines(text) where isComment(text, line) && text[line].contains(UInt8(ascii: ";")) {
      text.replaceSubrange(line, with: line.map { _ in 0x20 })
    }
    let plain = SystemdUnit.plain(inDoubleQuotes(withUnknownSpecifiers(text)))
    var definition = ParsedInput.parse(
      command: SourceText(name: source.name, bytes: plain), follow, ShellArrays(variables: variables(source.bytes)),
      restore: LiteralBytes.shown)
    let around = ["ExecCondition", "ExecStartPre", "ExecStartPost", "ExecReload", "ExecStop", "ExecStopPost"]
      .flatMap { commands(source.bytes, of: $0) }
      .filter { isQEMU($0) || CommandMentions.first(in: Array(source.bytes[$0]), outside: []) != nil }
    for other in starting.dropFirst() + around {
      definition.noteUnread("a second QEMU command", "only the first is judged: give each a unit of its own", other, source)
    }
    if let last = all.last, !source.bytes[last.upperBound...].contains(where: { $0 > 0x20 }) {
      definition.noteOpenEnd(of: last, source)
    }
    noteLines(source, outside: all, in: &definition)
    let rest = SourceText(name: source.name, bytes: EmbeddedCommand.only(all, of: source.bytes))
    definition.noteUnreadCommand(rest, outside: [starting.first ?? all.first].compactMap { $0 })
    noteClients(source, in: &definition)
    let settings = settings(source.bytes)
    definition.machine.service = limits(settings)
    if let setting = sandbox(settings), definition.machine.devices.contains(where: \.isVFIO) {
      let place = source.bytes.indices(of: Array(setting.utf8)).first ?? 0
      definition.noteUnread("access to /dev/vfio", "the effect of `\(setting)=` is not modelled", place..<place + 1, source)
    }
    return definition
  }

  /// Notes a command of the unit that may send something to QEMU's monitor. Those of `ExecStop=` end the guest.
  private static func noteClients(_ source: SourceText, in definition: inout ParsedInput) {
    let options = definition.machine.options.compactMap { option in option.value.string.map { (option.name, $0) } }
    let addresses = MonitorClients.addresses(of: options)
    guard !addresses.isEmpty else { return }
    let variables = variables(source.bytes)
    for command in ["ExecStartPost", "ExecReload"].flatMap({ commands(source.bytes, of: $0) }) {
      let text = withUnknownSpecifiers(Array(source.bytes[command]))
      guard MonitorClients.areIn(text, addresses, variables) else { continue }
      definition.noteUnread("the text that a command sends to QEMU's monitor", "it is not read", command, source)
    }
  }

  /// Reports lines that systemd ignores because they have no `=`, as where a backslash is missing; and notes an input from
  /// which a monitor may read commands (systemd.exec(5), StandardInput=).
  private static func noteLines(_ source: SourceText, outside commands: [Range<Int>], in definition: inout ParsedInput) {
    let bytes = source.bytes
    for line in EmbeddedCommand.lines(bytes) where !isComment(bytes, line) {
      guard let start = bytes[line].firstIndex(where: { $0 > 0x20 }), bytes[start] != UInt8(ascii: "["),
        !commands.contains(where: { $0.contains(start) })
      else { continue }
      if "-$".utf8.contains(bytes[start]) {
        definition.problems.append(
          InputProblem(
            message: "systemd ignores the line: the one before does not continue here", fix: "end the line before in a backslash",
            location: Location(source: source.name, range: start..<line.upperBound, path: "")))
      }
      let text = String(decoding: bytes[start..<line.upperBound].filter { $0 > 0x20 }, as: UTF8.self)
      let inputs = ["null", "tty", "tty-force", "tty-fail"]
      if text.hasPrefix("StandardInput"), let equals = text.firstIndex(of: "="),
        !inputs.contains(String(text[text.index(after: equals)...])) {
        definition.noteUnread("the unit's standard input", "a monitor of QEMU may read commands from it", start..<line.upperBound, source)
      }
    }
  }

  /// The text of one command with marks for what is special to a shell.
  private static func plain(_ text: [UInt8]) -> [UInt8] {
    var plain = text
    for line in EmbeddedCommand.lines(text) where !isComment(text, line) {
      for (index, byte) in zip(line, LiteralBytes.hidden(Array(text[line]))) {
        plain[index] = byte
      }
    }
    return plain
  }

  /// The text with single quotes as double ones: to systemd an escape and a variable mean the same in both
  /// (systemd.syntax(7), Quoting; systemd.service(5), Command Lines).
  private static func inDoubleQuotes(_ text: [UInt8]) -> [UInt8] {
    var text = text
    var quote: UInt8?
    for line in EmbeddedCommand.lines(text) where !isComment(text, line) {
      var at = line.lowerBound
      while at < line.upperBound {
        let byte = text[at]
        switch byte {
        case UInt8(ascii: "\\"): at += 1
        case UInt8(ascii: "'") where quote != UInt8(ascii: "\""), UInt8(ascii: "\"") where quote != UInt8(ascii: "'"):
          quote = quote == nil ? byte : nil
          text[at] = UInt8(ascii: "\"")
        case UInt8(ascii: "\""): text[at] = LiteralBytes.marks[byte] ?? byte
        default: break
        }
        at += 1
      }
    }
    return text
  }

  /// Whether a line is a comment (systemd.syntax(7)).
  static func isComment(_ bytes: [UInt8], _ line: Range<Int>) -> Bool {
    bytes[line].first { $0 > 0x20 }.map { "#;".utf8.contains($0) } ?? false
  }

  /// The text with `%i` and `\x2d` and the like, which systemd replaces, in the form of a value that only a shell knows
  /// (systemd.unit(5), Specifiers; systemd.syntax(7), Quoting).
  private static func withUnknownSpecifiers(_ text: [UInt8]) -> [UInt8] {
    var text = text
    var at = 0
    while at + 1 < text.count {
      let isEscape = text[at] == UInt8(ascii: "\\") && text[at + 1].isASCIILetterOrDigit
      if isEscape || text[at] == UInt8(ascii: "%") && text[at + 1].isASCIILetter { text[at] = UInt8(ascii: "$") }
      at += text[at] == UInt8(ascii: "%") || text[at] == UInt8(ascii: "\\") ? 2 : 1
    }
    return text
  }
}

/// libvirt's log of a guest, `/var/log/libvirt/qemu/NAME.log`: the command line of its last start
/// (libvirt src/qemu/qemu_process.c: qemuLogOperation).
enum LibvirtLog {
  private static let mark = "starting up libvirt version:"

  static func isRecognised(_ bytes: [UInt8]) -> Bool {
    EmbeddedCommand.lines(bytes).contains { bytes[$0].contains(text: mark) }
  }

  /// The lines after the mark of the last start, up to the first that no backslash continues.
  static func command(_ bytes: [UInt8]) -> Range<Int>? {
    let lines = EmbeddedCommand.lines(bytes)
    guard let start = lines.lastIndex(where: { bytes[$0].contains(text: mark) }), start + 1 < lines.count else { return nil }
    let end = lines[(start + 1)...].first { !EmbeddedCommand.continues(bytes, $0) } ?? lines[lines.count - 1]
    return lines[start + 1].lowerBound..<end.upperBound
  }

  static func parse(_ source: SourceText, _ follow: FileFollower?) -> ParsedInput {
    let command = command(source.bytes)
    let text = EmbeddedCommand.only([command].compactMap { $0 }, of: source.bytes)
    var definition = ParsedInput.parse(command: SourceText(name: source.name, bytes: text), follow)
    // A log that was cut behind the mark: the guest of an earlier start is not the one that runs.
    if definition.machine.emulator == nil {
      let end = command ?? max(0, source.bytes.count - 1)..<source.bytes.count
      definition.noteUnread("the command of the last start", "no QEMU is named behind its mark", end, source)
    }
    guard let command else { return definition }
    // libvirt ends a command with its line. Half a word says nothing about the guest.
    let isCut = command.upperBound == source.bytes.count
    if isCut || source.bytes[command].last(where: { $0 > 0x20 }) == UInt8(ascii: "\\") { definition.problems = [] }
    if isCut { definition.noteUnread("the rest of the command", "the log ends inside of it", command, source) }
    definition.noteOpenEnd(of: command, source)
    // Earlier starts had other devices, and QEMU's messages quote them.
    let messages = EmbeddedCommand.lines(source.bytes).filter { $0.lowerBound >= command.upperBound && isMessage(source.bytes[$0]) }
    definition.readElements += ([0..<command.lowerBound] + messages).map { Location(source: source.name, range: $0, path: "log") }
    return definition
  }

  /// Whether a line begins with a date, or with QEMU's name and a colon, as its messages do (QEMU util/error-report.c).
  private static func isMessage(_ line: ArraySlice<UInt8>) -> Bool {
    let word = String(decoding: line.prefix { $0 > 0x20 }, as: UTF8.self)
    if word.hasSuffix(":"), InputFormat.isEmulator(String(word.dropLast())) { return true }
    return word.utf8.prefix(5).elementsEqual(word.utf8.prefix(4).filter(\.isASCIIDigit) + [UInt8(ascii: "-")])
  }
}
