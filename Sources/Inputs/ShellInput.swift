import Syntax

/// Standard input that a command of a script shares with others.
struct ShellInput {
  private let bytes: [UInt8]
  private let script: ShellLines

  init(_ bytes: [UInt8], _ script: ShellLines) { (self.bytes, self.script) = (bytes, script) }

  /// The command that gives an input to the script, or to a compound command or a function in which a command may be.
  func outer(_ command: Range<Int>) -> Range<Int>? {
    let function = function(around: command.lowerBound)
    return script.commands.lazy.map(\.range).first { range in
      if isPiped(range, parenthesis: true) { return true }
      guard range != command else { return false }
      let words = bytes[range].split { $0 <= 0x20 }.prefix(64).map { String(decoding: $0, as: UTF8.self) }
      guard let first = words.first else { return false }
      let isCall = function.map { words.contains($0) && !bytes[range.upperBound...].starts(with: "()".utf8) } == true
      let ends = ["exec", "}", "fi", "done", "esac"].contains(first)
        || first.hasPrefix("<") && bytes[..<range.lowerBound].last == UInt8(ascii: ")")
      let begins = ["while", "until", "for", "if", "case", "{"].contains(first)
      let reads = words.contains { $0.hasPrefix("<") || $0.hasPrefix("0<") } && !words.contains { $0.hasSuffix("/dev/null") }
      return (ends || isCall) && reads || (begins || isCall) && isPiped(range)
    }
  }

  /// Whether a command, or the subshell that begins with it, is behind a pipe.
  private func isPiped(_ range: Range<Int>, parenthesis: Bool = false) -> Bool {
    if !parenthesis { return pipe(before: range.lowerBound) != nil }
    guard let last = bytes[..<range.lowerBound].lastIndex(where: { $0 > 0x20 }), bytes[last] == UInt8(ascii: "(") else { return false }
    return pipe(before: last) != nil
  }

  /// The place of the pipe that a position is behind, which may end the line before.
  func pipe(before position: Int) -> Int? {
    let mark = UInt8(ascii: "|")
    guard let last = bytes[..<position].lastIndex(where: { $0 > 0x20 }), bytes[last] == mark, bytes[..<last].last != mark
    else { return nil }
    return last
  }

  /// The name of the function that begins last before a position, which is that around it where none has ended.
  func function(around position: Int) -> String? {
    let before = bytes[..<position]
    let near = Array(before.suffix(4096)), offset = position - near.count
    guard let found = near.indices(of: Array("()".utf8)).last, !near[found...].contains(text: "\n}") else { return nil }
    let parentheses = offset + found
    let name = before[..<parentheses].reversed().drop { $0 == 0x20 }.prefix { $0.isShellNameByte || $0 == UInt8(ascii: "-") }
    return name.isEmpty ? nil : String(decoding: name.reversed(), as: UTF8.self)
  }
}
