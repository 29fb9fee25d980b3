import Facts
import Syntax

/// A shell script of which one command is QEMU. Nothing is run: conditions are not decided, and what a
/// variable stands for is not known.
struct ShellScript {
  /// The script with all but the comments and the first QEMU command blanked out.
  let text: [UInt8]
  /// The further QEMU commands.
  let others: [Range<Int>]
  /// Lines that begin with an option, which a comment or a lost backslash cut off.
  let strays: [Range<Int>]
  /// Nil when no command is QEMU's.
  let command: Range<Int>?
  let arrays: ShellArrays
  /// Where a substitution begins that is never closed.
  let unclosed: Int?

  static func isScript(_ bytes: [UInt8]) -> Bool {
    bytes.starts(with: "#!".utf8) && bytes.prefix { $0 != 0x0a }.suffix(2).elementsEqual("sh".utf8)
  }

  init(_ bytes: [UInt8]) {
    let script = ShellLines(bytes)
    let arrays = ShellArrays(bytes, script)
    let commands = script.commands.map(\.range).filter { ShellScript.isQEMU(Array(bytes[$0]), arrays) }
    self.arrays = arrays
    unclosed = script.unclosed
    command = commands.first
    others = Array(commands.dropFirst())
    strays = script.commands.filter { $0.beginsLine && ShellScript.isOption(bytes, $0.range) }.map(\.range)
    guard let command else {
      text = bytes
      return
    }
    let inArrays = Set(arrays.parts.flatMap(\.comments))
    text = ShellScript.text(of: command, in: bytes, script.comments.filter { !inArrays.contains($0) })
  }

  /// The command with the comments that may be about it: those on lines of their own, and one behind it.
  private static func text(of command: Range<Int>, in bytes: [UInt8], _ comments: [Range<Int>]) -> [UInt8] {
    var text = bytes.map { $0 == 0x0a ? $0 : 0x20 }
    func take(_ range: Range<Int>) { text.replaceSubrange(range, with: bytes[range]) }
    for comment in comments {
      let line = bytes[..<comment.lowerBound].lastIndex(of: 0x0a).map { $0 + 1 } ?? 0
      let isAlone = bytes[line..<comment.lowerBound].allSatisfy { $0 <= 0x20 }
      let isBehind = comment.lowerBound >= command.upperBound && line < command.upperBound
      if isAlone || isBehind { take(comment) }
    }
    take(command)
    return text
  }

  /// An option where a command should begin, and no pattern of a `case`, such as `-h | --help)`.
  private static func isOption(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
    let text = bytes[range.lowerBound...].drop { $0 <= 0x20 }
    guard text.first == UInt8(ascii: "-") else { return false }
    let pattern = text.prefix { !"\n()".utf8.contains($0) }
    guard pattern.endIndex < bytes.count, bytes[pattern.endIndex] == UInt8(ascii: ")") else { return true }
    return pattern.split(separator: UInt8(ascii: "|")).contains { part in part.split { $0 <= 0x20 }.count != 1 }
  }

  /// Whether the command of a line is an emulator, or a variable that is called like one.
  private static func isQEMU(_ line: [UInt8], _ arrays: ShellArrays) -> Bool {
    var words = arrays.expanded(ShellWords(line).words, in: line).map(\.text)[...]
    while let word = words.first, keywords.contains(word) || isAssignment(word) { words = words.dropFirst() }
    guard let first = words.first, !words.contains(where: asksForHelp) else { return false }
    if isEmulator(first) { return words.count > 1 }
    guard runners.contains(first.fileName ?? "") else { return false }
    return words.dropFirst().contains { isEmulator($0) && !$0.hasSuffix("=") }
  }

  /// `--version`, `-device help`: QEMU prints something and starts nothing.
  private static func asksForHelp(_ word: String) -> Bool {
    ["-version", "--version", "-help", "--help", "-h", "help", "?"].contains(word) || word.hasSuffix(",help")
  }

  private static func isEmulator(_ word: String) -> Bool {
    if word.hasPrefix("$") { return word.lowercased().contains("qemu") && !word.contains("(") }
    let name = word.fileName ?? ""
    return name.hasPrefix("qemu-system-") || name == "qemu-kvm" || name == "kvm"
  }

  private static func isAssignment(_ word: String) -> Bool {
    let name = word.prefix { $0 != "=" }
    return name.utf8.count < word.utf8.count && !name.isEmpty && name.utf8.allSatisfy {
      $0 == 0x5f || (0x30...0x39).contains($0) || (0x41...0x5a).contains($0) || (0x61...0x7a).contains($0)
    }
  }

  private static let keywords: Set<String> = ["if", "then", "else", "elif", "while", "until", "do", "!", "{", "time"]
  /// What runs another program.
  private static let runners: Set<String> = [
    "exec", "sudo", "doas", "env", "nice", "ionice", "chrt", "taskset", "numactl", "setsid", "nohup", "timeout",
    "systemd-run", "prlimit", "setpriv", "unshare", "strace", "gdb",
  ]
}

extension ParsedInput {
  /// - Parameter follow: reads files that the script's QEMU is given.
  static func parse(script source: SourceText, _ follow: FileFollower?) -> ParsedInput {
    let script = ShellScript(source.bytes)
    var parsed = parse(command: SourceText(name: source.name, bytes: script.text), follow, script.arrays)
    for part in script.arrays.parts {
      CommandComments(source: source, words: part.words).read(part.comments, into: &parsed)
    }
    func complain(_ message: String, _ fix: String, _ range: Range<Int>) {
      let place = Location(source: source.name, range: range, path: "")
      parsed.problems.append(InputProblem(message: message, fix: fix, location: place))
    }
    if script.command == nil {
      complain("no command of the script is QEMU", "name a script that starts QEMU", 0..<min(1, source.bytes.count))
    }
    if let start = script.unclosed {
      complain("a substitution is never closed", "close it, as a shell would demand", start..<start + 1)
    }
    for stray in script.strays {
      complain(
        "an option that begins a command of its own: the line before does not go on here",
        "end the line before in a backslash, with no comment between", stray)
    }
    for other in script.others {
      complain("a second QEMU command: only the first is judged", "give each a script of its own", other)
    }
    return parsed
  }
}
