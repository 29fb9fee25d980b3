import Syntax

/// A command in a variable that another reading of it runs: `eval "$CMD"`, `bash -c "$CMD"`. A value without anything that is
/// special to a shell has the same words then as `$CMD` has. Only those that start QEMU are read so.
enum ShellEval {
  /// The script with such commands as the variable alone, in place; unchanged where one cannot be read so.
  static func plain(_ bytes: [UInt8]) -> [UInt8] {
    guard bytes.contains(text: "eval ") || bytes.contains(text: " -c ") else { return bytes }
    var text = bytes
    var commands: [Range<Int>] = []
    for range in ShellLines(bytes).commands.map(\.range) {
      guard let variable = variable(bytes, range) else { continue }
      for part in [variable.runner, variable.name.upperBound..<range.upperBound] {
        for index in part where text[index] != 0x0a { text[index] = 0x20 }
      }
      commands.append(range)
      if commands.count > maximum { return bytes }
    }
    guard !commands.isEmpty else { return bytes }
    let arrays = ShellArrays(text, ShellLines(text))
    let areRead = commands.allSatisfy { range in
      let words = arrays.split(Array(text[range]), at: range.lowerBound).list
      // Any other command may change the variables: `eval "read GPU"`.
      guard case .emulator = ShellRunner.target(of: words, isEmulator: ShellScript.isEmulator) else { return false }
      return words.allSatisfy(needsNoQuotes)
    }
    return areRead ? text : bytes
  }

  /// Maximum number of such commands; a script with more is unchanged.
  private static let maximum = 64

  /// The place of `$NAME` in a command that runs its value and nothing else, and of `eval` with its quote before it.
  private static func variable(_ bytes: [UInt8], _ command: Range<Int>) -> (runner: Range<Int>, name: Range<Int>)? {
    let text = bytes[command]
    guard var start = text.firstIndex(where: { $0 > 0x20 }), let last = text.lastIndex(where: { $0 > 0x20 }),
      let dollar = text.firstIndex(of: UInt8(ascii: "$")), start < dollar
    else { return nil }
    var words = text[start..<dollar].split { $0 <= 0x20 }.map { String(decoding: $0, as: UTF8.self) }
    let isQuoted = words.last == "\""
    if isQuoted { words.removeLast() }
    if words.first == "sudo" {
      words.removeFirst()
      start += "sudo".utf8.count
    }
    let isEval = words == ["eval"]
    // Without quotes it would run the first word only.
    guard isEval || isQuoted && words.count == 2 && ["sh", "bash", "/bin/sh", "/bin/bash"].contains(words[0]) && words[1] == "-c",
      !isQuoted || bytes[last] == UInt8(ascii: "\"")
    else { return nil }
    let value = bytes[dollar..<(isQuoted ? last : last + 1)]
    let name = value.dropFirst().filter { !"{}".utf8.contains($0) }
    let isVariable = name.allSatisfy(\.isShellNameByte) && !name.isEmpty
    guard isVariable, value.count == name.count + 1 || value.dropFirst().first == UInt8(ascii: "{") && value.last == UInt8(ascii: "}")
    else { return nil }
    return (start..<dollar, dollar..<value.endIndex)
  }

  /// Whether a word is to every shell what it is without quotes.
  private static func needsNoQuotes(_ word: Word) -> Bool {
    !word.hasUnknown && word.bytes.allSatisfy { $0.isASCIILetterOrDigit || "_-./:,=+@%".utf8.contains($0) }
  }
}
