import Facts
import Syntax

/// A Python program's command line of QEMU: a list of plain strings of which the first is an emulator, such as
/// `subprocess.run(["qemu-system-x86_64", "-device", "vfio-pci,host=01:00.0"])`. Nothing else of the program is read.
struct PythonArguments {
  /// A list that was found, from its bracket to the other.
  private struct List {
    let words: [Word]
    let range: Range<Int>
  }

  /// The program with comments blanked out, and strings in three quotes too, of which no list is run: they leave a mark, which no
  /// list of plain strings has.
  private let bytes: [UInt8]

  private init(bytes: [UInt8]) {
    var code = bytes
    for range in PythonArguments.hidden(in: bytes) {
      let mark = bytes[range.lowerBound] == UInt8(ascii: "#") ? 0x20 : UInt8(ascii: "`")
      for index in range where code[index] != 0x0a { code[index] = mark }
    }
    self.bytes = code
  }

  static func isRecognised(_ bytes: [UInt8]) -> Bool { !PythonArguments(bytes: bytes).lists(atMost: 1).isEmpty }

  static func parse(_ source: SourceText, _ follow: FileFollower?) -> ParsedInput {
    let program = PythonArguments(bytes: source.bytes)
    let lists = program.lists(atMost: 2)
    guard let list = lists.first else {
      return .unreadable(
        source, "the program holds no list of plain strings that begins with a QEMU", at: 0..<min(1, source.bytes.count),
        fix: "give the command line that it builds, as a JSON list")
    }
    var definition = CommandLineReader(source, words: list.words, follow: follow).definition
    if !program.isWholeArgument(list.range), !program.isOnlyRun(list.range) {
      // An item that is appended may be the argument.
      definition.problems.removeAll { $0.message.hasSuffix("` has no argument") }
      definition.noteUnread(
        "the rest of the program", "it may change the list, which is not the argument of `subprocess.run` or the like",
        list.range, source)
    }
    let readsInput = list.words.contains { $0.text == "-nographic" || $0.text.contains("stdio") }
    if readsInput, ["stdin=", "input=", "communicate("].contains(where: { program.bytes.contains(text: $0) }) {
      definition.noteUnread("QEMU's standard input", "a monitor reads commands from it", list.range, source)
    }
    if let open = program.unplain {
      definition.noteUnread("another list that begins with a QEMU", "it holds more than plain strings", open..<open + 1, source)
    }
    if let second = lists.dropFirst().first {
      definition.noteUnread("a second QEMU command", "only the first is judged", second.range, source)
    }
    definition.noteUnreadCommand(source, outside: hidden(in: source.bytes) + [list.range])
    return definition
  }

  /// Whether the list is the first argument of a function of Python's module subprocess that runs it, with nothing behind it that
  /// changes it. With `shell=True` only its first item would be run.
  private func isWholeArgument(_ list: Range<Int>) -> Bool {
    guard let call = bytes[..<list.lowerBound].lastIndex(where: { $0 > 0x20 }), bytes[call] == UInt8(ascii: "(") else { return false }
    let name = String(decoding: Array(bytes[..<call].reversed().prefix { $0.isShellNameByte }.reversed()), as: UTF8.self)
    guard ["run", "Popen", "call", "check_call", "check_output"].contains(name) else { return false }
    let before = bytes[..<(call - name.utf8.count)]
    let isOfModule = before.suffix("subprocess.".utf8.count).elementsEqual("subprocess.".utf8)
    // A function of that name may be another's, or the program's own.
    let isImported = before.last != UInt8(ascii: ".") && bytes.contains(text: "from subprocess import")
      && !bytes.contains(text: "def \(name)(") && !isAssigned(name)
    let after = bytes[list.upperBound...].first { $0 > 0x20 }
    return !hasOwnFunctions && (isOfModule || isImported) && (after == UInt8(ascii: ",") || after == UInt8(ascii: ")"))
      && !bytes.contains(text: "shell=True") && !bytes.contains(text: "executable")
  }

  /// Whether the list is the value of a name that is else only run or printed: `cmd = […]`, `subprocess.run(cmd)`, `print(cmd)`.
  private func isOnlyRun(_ list: Range<Int>) -> Bool {
    let before = bytes[..<list.lowerBound].reversed().drop { $0 == 0x20 }
    let after = bytes[list.upperBound...].first { $0 != 0x20 && $0 != 0x0d }
    guard before.first == UInt8(ascii: "="), after == nil || after == 0x0a else { return false }
    let name = Array(before.dropFirst().drop { $0 == 0x20 }.prefix(while: \.isShellNameByte).reversed())
    guard !name.isEmpty, !hasOwnFunctions, !bytes.contains(text: "shell=True"), !bytes.contains(text: "executable") else { return false }
    let places = bytes.indices(of: name).filter { start in
      (start == 0 || !bytes[start - 1].isShellNameByte) && bytes[(start + name.count)...].first.map { !$0.isShellNameByte } ?? true
    }
    guard let first = places.first, first + name.count <= list.lowerBound,
      bytes[(first + name.count)..<list.lowerBound].allSatisfy({ $0 == 0x20 || $0 == UInt8(ascii: "=") }),
      first == 0 || bytes[..<first].last(where: { $0 != 0x20 }).map({ $0 == 0x0a }) ?? true
    else { return false }
    let uses = places.dropFirst().map { place -> String? in
      let after = bytes[(place + name.count)...].first { $0 > 0x20 }
      guard place > 0, bytes[place - 1] == UInt8(ascii: "("), after == UInt8(ascii: ")") || after == UInt8(ascii: ",") else { return nil }
      let function = bytes[..<(place - 1)].reversed().prefix { $0.isShellNameByte || $0 == UInt8(ascii: ".") }
      return String(decoding: Array(function.reversed()), as: UTF8.self)
    }
    let running = ["run", "Popen", "call", "check_call", "check_output"].map { "subprocess.\($0)" }
    return uses.allSatisfy { $0.map { running.contains($0) || ["print", "len", ".join", "shlex.join"].contains($0) } ?? false }
      && uses.contains { running.contains($0 ?? "") }
  }

  /// Whether the program has a module or functions of its own with the names that run and print lists.
  private var hasOwnFunctions: Bool {
    ["class subprocess", "as subprocess", "def print(", "def len("].contains { bytes.contains(text: $0) }
      || ["subprocess", "print", "len"].contains(where: isAssigned)
  }

  /// Whether a name of the program is given another value: `run = log(run)`.
  private func isAssigned(_ name: String) -> Bool {
    bytes.indices(of: Array(name.utf8)).contains { start in
      let before = start == 0 ? nil : bytes[start - 1]
      let after = bytes[(start + name.utf8.count)...].drop { $0 == 0x20 }
      return before.map { !$0.isShellNameByte && $0 != UInt8(ascii: ".") } ?? true && after.first == UInt8(ascii: "=")
        && !after.starts(with: "==".utf8)
    }
  }

  private static func hidden(in bytes: [UInt8]) -> [Range<Int>] {
    var hidden: [Range<Int>] = []
    var at = 0
    while at < bytes.count {
      switch bytes[at] {
      case UInt8(ascii: "#"):
        let end = bytes.lineEnd(from: at)
        hidden.append(at..<end)
        at = end
      case UInt8(ascii: "\""), UInt8(ascii: "'"):
        let quote = bytes[at]
        let isLong = bytes[at...].starts(with: [quote, quote, quote])
        var end = at + (isLong ? 3 : 1)
        while end < bytes.count {
          if bytes[end] == UInt8(ascii: "\\") {
            end += 2
            continue
          }
          if isLong ? bytes[end...].starts(with: [quote, quote, quote]) : bytes[end] == quote || bytes[end] == 0x0a { break }
          end += 1
        }
        end = min(bytes.count, end + (isLong ? 3 : 1))
        if isLong { hidden.append(at..<end) }
        at = end
      default: at += 1
      }
    }
    return hidden
  }

  /// The bracket of a list that begins with a QEMU and cannot be read.
  private var unplain: Int? {
    var position = 0
    while let open = bytes[position...].firstIndex(of: UInt8(ascii: "[")) {
      position = open + 1
      guard let first = string(at: skipBlanks(position)), ShellScript.isEmulator(first.word) else { continue }
      guard let list = list(at: open) else { return open }
      position = list.range.upperBound
    }
    return nil
  }

  private func lists(atMost count: Int) -> [List] {
    var found: [List] = []
    var position = 0
    while found.count < count, let open = bytes[position...].firstIndex(of: UInt8(ascii: "[")) {
      position = open + 1
      // Most brackets are of something else: only behind the first item the rest is read.
      guard let first = string(at: skipBlanks(position)), ShellScript.isEmulator(first.word), let list = list(at: open) else { continue }
      position = list.range.upperBound
      if !list.words.contains(where: { ShellScript.asksForHelp($0.text) }) { found.append(list) }
    }
    return found
  }

  /// A list of strings and commas, with a comma behind the last or without; nil for anything else in it. Strings without a comma
  /// between them are one (Python's language reference, String literal concatenation).
  private func list(at open: Int) -> List? {
    var words: [Word] = []
    var position = skipBlanks(open + 1)
    while let item = string(at: position) {
      var text = item.word.bytes, offsets = Array(item.word.range)
      var (last, end) = item
      while let next = string(at: skipBlanks(end)) {
        (last, end) = next
        text += last.bytes
        offsets += last.range
      }
      words.append(Word(bytes: text, offsets: offsets, end: last.range.upperBound))
      position = skipBlanks(end)
      guard position < bytes.count else { return nil }
      if bytes[position] == UInt8(ascii: ",") { position = skipBlanks(position + 1) } else { break }
    }
    guard position < bytes.count, bytes[position] == UInt8(ascii: "]") else { return nil }
    return List(words: words, range: open..<position + 1)
  }

  /// A string in single or double quotes on one line, without a prefix and without escapes.
  private func string(at start: Int) -> (word: Word, end: Int)? {
    guard start < bytes.count, bytes[start] == UInt8(ascii: "\"") || bytes[start] == UInt8(ascii: "'") else { return nil }
    let inner = bytes[(start + 1)...].prefix { $0 != bytes[start] && $0 != 0x0a && $0 != UInt8(ascii: "\\") }
    guard inner.endIndex < bytes.count, bytes[inner.endIndex] == bytes[start] else { return nil }
    return (Word(Array(inner), at: start + 1), inner.endIndex + 1)
  }

  private func skipBlanks(_ start: Int) -> Int { bytes[start...].firstIndex { $0 > 0x20 } ?? bytes.count }
}
