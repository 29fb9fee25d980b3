import Facts
import Syntax

/// QEMU commands in a text that no reader follows: behind a program that is not known to start one, inside a string, or in another
/// list of a program.
///
/// A second safety net beside `DeviceMentions`: the devices of such a command may be in a variable, where none is mentioned.
enum CommandMentions {
  /// The number of bytes that are read before and behind a name.
  private static let reach = 4096

  /// The name of the first emulator with an option behind it, outside some ranges.
  /// - Parameter joinsLines: whether a command may continue on the next line, as in a string of YAML.
  static func first(in bytes: [UInt8], outside read: [Range<Int>], joinsLines: Bool = false) -> Range<Int>? {
    let covered = read.sorted { $0.lowerBound < $1.lowerBound }
    var next = 0, end = 0
    for start in ["qemu-system-", "qemu-kvm", "kvm"].flatMap({ bytes.indices(of: Array($0.utf8)) }).sorted() {
      while next < covered.count, covered[next].lowerBound <= start {
        end = max(end, covered[next].upperBound)
        next += 1
      }
      guard start >= end, start == 0 || bytes[start - 1] == UInt8(ascii: "/") || !isNameByte(bytes[start - 1]) else { continue }
      let name = start..<(bytes[start...].firstIndex { !isNameByte($0) } ?? bytes.count)
      if bytes[start] == UInt8(ascii: "k"), !isProgram(bytes, name) { continue }
      let behind = name.upperBound..<min(bytes.count, name.upperBound + reach)
      if startsGuest(bytes[behind], joinsLines), !isText(bytes[max(0, start - reach)..<start]) || isRun(bytes[behind]) { return name }
    }
    return nil
  }

  /// Whether the first item of a list, in brackets or behind a dash, is an emulator.
  static func isListOfQEMU(_ text: ArraySlice<UInt8>) -> Bool {
    let name = text.drop { !"[-".utf8.contains($0) }.drop { "[-\"' \n".utf8.contains($0) }.prefix(while: isNameByte)
    return !name.starts(with: "/dev/".utf8) && InputFormat.isEmulator(String(decoding: name, as: UTF8.self))
  }

  private static func isNameByte(_ byte: UInt8) -> Bool { byte.isASCIILetterOrDigit || "-_.+~/".utf8.contains(byte) }

  /// Whether `kvm` is a word of its own, and not the accelerator.
  private static func isProgram(_ bytes: [UInt8], _ name: Range<Int>) -> Bool {
    guard name.count == 3, let byte = bytes[..<name.lowerBound].last, byte <= 0x20 || "/\"'".utf8.contains(byte) else { return false }
    let before = bytes[max(0, name.lowerBound - 64)..<name.lowerBound].reversed().drop { $0 <= 0x20 || "\"',".utf8.contains($0) }
    return !before.starts(with: "lecca-".utf8)
  }

  /// Whether the text behind an emulator begins with an option, or with a variable that may hold some, and does not only ask for help.
  /// The quotes and commas of a list may be before it, and the `--` that ends another program's options.
  private static func startsGuest(_ text: ArraySlice<UInt8>, _ joinsLines: Bool) -> Bool {
    let isQuoted = text.first.map { "\"'".utf8.contains($0) } == true
    let isList = isQuoted && text.dropFirst().first == UInt8(ascii: ",")
    var rest = skippingBlanks(isList ? text.dropFirst(2) : isQuoted ? text.dropFirst() : text, linesToo: isList || joinsLines)
    guard isList || rest.startIndex > text.startIndex + (isQuoted ? 1 : 0) else { return false }
    if rest.starts(with: "-- ".utf8) { rest = skippingBlanks(rest.dropFirst(3), linesToo: false) }
    if let quote = rest.first, "\"'".utf8.contains(quote) { rest = rest.dropFirst() }
    if rest.first == UInt8(ascii: "$") || rest.starts(with: "{{".utf8) || isList && rest.first == UInt8(ascii: "*") { return true }
    guard rest.first == UInt8(ascii: "-") else { return false }
    let name = rest.dropFirst(rest.starts(with: "--".utf8) ? 2 : 1).prefix { $0.isASCIILetterOrDigit || $0 == UInt8(ascii: "-") }
    let words = rest.prefix { !"\n;|&)`".utf8.contains($0) }.split { $0 <= 0x20 || "\"',[]".utf8.contains($0) }
    return Option.isKnown(String(decoding: name, as: UTF8.self))
      && !words.contains { ShellScript.asksForHelp(String(decoding: $0, as: UTF8.self)) }
  }

  /// The text behind blanks, and behind line ends that a backslash continues.
  private static func skippingBlanks(_ text: ArraySlice<UInt8>, linesToo: Bool) -> ArraySlice<UInt8> {
    var rest = text
    while let byte = rest.first {
      if byte == 0x20 || byte == 0x09 || linesToo && byte <= 0x20 {
        rest = rest.dropFirst()
      } else if rest.starts(with: "\\\n".utf8) || rest.starts(with: "\\\r\n".utf8) {
        rest = rest.drop { $0 != 0x0a }.dropFirst()
      } else {
        break
      }
    }
    return rest
  }

  /// Whether the words before an emulator, back to the beginning of their command, only print or find what is behind them.
  private static func isText(_ before: ArraySlice<UInt8>) -> Bool {
    let start = before.lastIndex { "\n;|&`(".utf8.contains($0) }
    // `source <(echo …)`.
    if let start, start > before.startIndex, before[start] == UInt8(ascii: "("), before[start - 1] == UInt8(ascii: "<") { return false }
    var words = before[(start.map { $0 + 1 } ?? before.startIndex)...].split { $0 <= 0x20 || "\"'".utf8.contains($0) }
    // The function whose argument it is: `print(`, `log.info(`.
    if let start, before[start] == UInt8(ascii: "("), let name = before[..<start].split(whereSeparator: { !$0.isShellNameByte }).last {
      words.append(name)
    }
    return words.contains { texts.contains(String(decoding: $0, as: UTF8.self).fileName ?? "") }
  }

  /// Whether the text behind an emulator ends in a pipe to a program that runs what it reads: `echo … | sudo sh`.
  private static func isRun(_ behind: ArraySlice<UInt8>) -> Bool {
    let parts = behind.prefix { $0 != 0x0a }.split(separator: UInt8(ascii: "|"), omittingEmptySubsequences: false).dropFirst()
    // Behind `||` is another command.
    return parts.prefix { !$0.isEmpty }.contains { part in
      let words = part.split { $0 <= 0x20 || "\"';&)".utf8.contains($0) }.map { Word(Array($0), at: 0) }
      let target = ShellRunner.target(of: words) { runners.contains($0.text.fileName ?? "") }
      if case .emulator = target { return true }
      return false
    }
  }

  private static let runners: Set<String> = [
    "sh", "bash", "dash", "zsh", "ksh", "ash", "su", "at", "batch", "crontab", "ssh", "xargs", "parallel"
  ]

  private static let texts: Set<String> = [
    "echo", "printf", "print", "logger", "notify-send", "log", "info", "debug", "warn", "warning", "error", "fail", "die", "usage",
    "pgrep", "pkill", "killall", "pidof", "ps", "grep", "egrep", "fgrep", "rg", "awk", "sed", "which", "type", "hash"
  ]

  /// The here documents of a script that describe its use: only printed, and with the word "usage" near their beginning.
  static func usages(_ bytes: [UInt8], _ documents: [Range<Int>]) -> [Range<Int>] {
    documents.filter { document in
      let before = bytes[max(0, document.lowerBound - 256)..<max(0, document.lowerBound - 1)]
      let line = before[(before.lastIndex(of: 0x0a).map { $0 + 1 } ?? before.startIndex)...].drop { $0 <= 0x20 }
      let beginning = String(decoding: bytes[document].prefix(256), as: UTF8.self).lowercased()
      return line.starts(with: "cat <<".utf8) && !line.contains { ">|".utf8.contains($0) } && beginning.contains("usage")
    }
  }

  /// The first `-device` outside comments and some ranges, or the first emulator in a variable that has arguments: `$QEMU $ARGS`.
  static func option(in bytes: [UInt8], outside read: [Range<Int>]) -> Range<Int>? {
    let isEnd: (UInt8) -> Bool = { $0 <= 0x20 || "\"'[],".utf8.contains($0) }
    let places = DeviceMentions.places(of: ["-device", "$"].map { Array($0.utf8) }, in: bytes, isXML: false)
    return places.lazy.compactMap { start -> Range<Int>? in
      guard !read.contains(where: { $0.contains(start) }), start == 0 || isEnd(bytes[start - 1]) else { return nil }
      let text = bytes[start...].prefix(reach)
      if bytes[start] == UInt8(ascii: "-") {
        let end = start + "-device".utf8.count
        return end < bytes.count && isNameByte(bytes[end]) ? nil : start..<end
      }
      let word = text.prefix { !isEnd($0) }
      guard ShellScript.isEmulator(Word(Array(word), at: start)) else { return nil }
      let next = text[word.endIndex...].drop(while: isEnd).prefix { !isEnd($0) }
      let isOption = Option.isKnown(Word(Array(next), at: next.startIndex))
      return isOption || next.first == UInt8(ascii: "$") ? start..<word.endIndex : nil
    }.first
  }

  // MARK: - Variables of a script

  /// Whether a command of a script that is not QEMU's may start it all the same: an emulator in a variable is behind another program
  /// (`screen -dm $QEMU $GPU`), or an unknown program has options of the command that is read (`$VM $OPTS $GPU`).
  static func mayStartGuest(_ words: [Word], beside read: [Word]) -> Bool {
    let words = words.drop { ShellScript.keywords.contains($0.text) }
    guard let program = words.first, !quiet.contains(program.text.fileName ?? ""), !texts.contains(program.text.fileName ?? ""),
      !words.contains(where: { ShellScript.asksForHelp($0.text) })
    else { return false }
    let arguments = words.dropFirst()
    if let index = arguments.firstIndex(where: { isVariable($0) && ShellScript.isEmulator($0) }), index + 1 < words.endIndex {
      let next = words[index + 1]
      if isVariable(next) || Option.isKnown(next) { return true }
    }
    guard isVariable(program) else { return false }
    // A variable behind an option is its argument, such as the path of a disk.
    let options = zip(read, read.dropFirst()).filter { Option.name($0).map(Option.withArgument.contains) != true && isVariable($1) }
    return !Set(options.map(\.1.bytes)).isDisjoint(with: arguments.map(\.bytes))
  }

  /// Commands that use paths and names of QEMU's, and start nothing.
  private static let quiet: Set<String> = [
    "[", "[[", "test", "cp", "mv", "ln", "rm", "mkdir", "mkfifo", "touch", "chmod", "chown", "setcap", "file", "ldd", "kill", "wait", "cd",
    "for", "case", "command", "export", "local", "declare", "readonly", "read", "trap", "return", "exit", "taskset", "chrt", "renice",
  ]

  private static func isVariable(_ word: Word) -> Bool { word.hasUnknown && word.bytes.first == UInt8(ascii: "$") }
}

extension ParsedInput {
  /// Makes a QEMU command that was not read unknown, so that no verdict is safe because of it.
  /// - Parameters:
  ///   - read: the commands that were read, and comments.
  ///   - further: commands of a script that may start QEMU.
  ///   - joinsLines: whether a command may continue on the next line.
  mutating func noteUnreadCommand(
    _ source: SourceText, outside read: [Range<Int>], further: [Range<Int>] = [], joinsLines: Bool = false
  ) {
    let read = read + readElements.filter { $0.source == source.name }.compactMap(\.range)
    guard problems.isEmpty, unrecognised == nil, machine.unreadParts.isEmpty,
      let place = CommandMentions.first(in: source.bytes, outside: read, joinsLines: joinsLines) ?? further.first
    else { return }
    let line = source.position(of: place.lowerBound).line
    noteUnread(
      "the QEMU command in line \(line)", "it is inside a string, or behind a program that is not known to start QEMU", place, source)
  }
}
