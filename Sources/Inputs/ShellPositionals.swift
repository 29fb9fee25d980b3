import Syntax

/// A script's own arguments where it sets them itself: `set -- -m 4G`, and with more behind them `set -- "$@" -vga none`.
enum ShellPositionals {
  /// The name by which they are found: `"$@"`.
  static let name = "@"

  /// The arguments that a command sets, and whether it keeps those before; nil for any other command.
  static func assignment(_ bytes: [UInt8], _ line: Range<Int>) -> (content: Range<Int>, appends: Bool)? {
    let text = bytes[line].drop { $0 <= 0x20 }
    guard text.starts(with: "set -- ".utf8) else { return nil }
    let items = text.dropFirst("set -- ".utf8.count).drop { $0 == 0x20 }
    guard items.starts(with: "\"$@\"".utf8) else { return (items.startIndex..<line.upperBound, false) }
    return (items.startIndex + 4..<line.upperBound, true)
  }

  /// The number of times that something is appended to them: nil unless the first command that sets them keeps none, and all are
  /// run in any case and nothing else changes them. A function has arguments of its own.
  static func appendings(_ code: [UInt8], _ lines: [Range<Int>], _ topLevel: Set<Int>) -> Int? {
    let others = ["()", "function ", "shift", "eval "]
    guard !others.contains(where: { code.contains(text: $0) }) else { return nil }
    let setting = lines.filter { setsArguments(ShellNaming.words(of: code[$0])) }
    let all = setting.compactMap { assignment(code, $0) }
    guard all.count == setting.count, all.first?.appends == false, all.filter({ !$0.appends }).count == 1,
      setting.allSatisfy({ topLevel.contains($0.lowerBound) })
    else { return nil }
    return all.count - 1
  }

  /// The one call of the script's only function, in which the only `"$@"` is: `launch() { exec qemu-system-x86_64 "$@"; }` and further
  /// down `launch -m 4G`. Nil unless it is made in any case.
  static func call(_ code: [UInt8], _ lines: [Range<Int>], _ topLevel: Set<Int>) -> (line: Range<Int>, content: Range<Int>)? {
    func only(_ text: String) -> Int? {
      let found = code.indices(of: Array(text.utf8))
      return found.count == 1 ? found[0] : nil
    }
    guard let use = only("\"$@\""), let parentheses = only("()"), parentheses < use,
      !["shift", "eval ", "function "].contains(where: { code.contains(text: $0) }),
      !lines.contains(where: { setsArguments(ShellNaming.words(of: code[$0])) })
    else { return nil }
    // Whether the function's brace is open there.
    var depth = 0
    for byte in code[parentheses..<use] {
      if byte == UInt8(ascii: "{") { depth += 1 }
      if byte == UInt8(ascii: "}") { depth -= 1 }
      if byte == UInt8(ascii: "}"), depth == 0 { return nil }
    }
    func isName(_ byte: UInt8) -> Bool { byte.isShellNameByte || byte == UInt8(ascii: "-") }
    let name = Array(code[..<parentheses].reversed().drop { $0 == 0x20 }.prefix(while: isName).reversed())
    let calls = lines.filter { line in
      let text = code[line].drop { $0 <= 0x20 }
      return line.lowerBound > use && text.starts(with: name) && text.dropFirst(name.count).first.map { $0 <= 0x20 } == true
    }
    guard depth > 0, !name.isEmpty, calls.count == 1, topLevel.contains(calls[0].lowerBound),
      code.split(whereSeparator: { !isName($0) }).filter({ $0.elementsEqual(name) }).count == 2
    else { return nil }
    let start = (code[calls[0]].firstIndex { $0 > 0x20 } ?? calls[0].lowerBound) + name.count
    let content = start..<calls[0].upperBound
    return code[content].contains { "<>|&;()`*".utf8.contains($0) } ? nil : (calls[0], content)
  }

  /// Whether a command is `set` with more than options of the shell: `set -e`, `set -euo pipefail`.
  private static func setsArguments(_ words: ArraySlice<String>) -> Bool {
    guard words.first == "set" else { return false }
    let options = words.dropFirst()
    if options.count == 2, options.first?.hasSuffix("o") == true { return false }
    return options.contains { $0.hasPrefix("--") || !$0.hasPrefix("-") && !$0.hasPrefix("+") }
  }
}
