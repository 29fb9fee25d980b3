import Syntax

/// A justfile: `{{NAME}}` in recipes of a shell, where the file assigns a plain string to the name (just's manual, Grammar).
extension MakeText {
  /// Nil for another text, and for one without such a name.
  init?(just bytes: [UInt8]) {
    guard !bytes.starts(with: "#!".utf8), bytes.contains(text: "{{"), bytes.contains(text: ":="), !bytes.contains(text: "{{{{") else {
      return nil
    }
    var script = bytes
    var values: [String: Range<Int>] = [:]
    var unknown: Set<String> = []
    var recipes: [Range<Int>] = []
    for line in EmbeddedCommand.lines(bytes) {
      let text = bytes[line]
      guard let first = text.first(where: { $0 > 0x20 }) else { continue }
      if text.first.map({ $0 <= 0x20 }) == true {
        // Other interpreters have recipes too.
        guard !text.drop(while: { $0 <= 0x20 }).starts(with: "#!".utf8) else { return nil }
        recipes.append(line)
        continue
      }
      for index in line { script[index] = 0x20 }
      if "#[".utf8.contains(first) || text.starts(with: "alias ".utf8) { continue }
      let words = text.starts(with: "export ".utf8) ? text.dropFirst("export ".utf8.count).drop { $0 == 0x20 } : text
      let name = words.prefix { $0.isShellNameByte || $0 == UInt8(ascii: "-") }
      let sign = words[name.endIndex...].drop { $0 == 0x20 }
      guard !name.isEmpty || first == UInt8(ascii: "@") else { return nil }
      if sign.starts(with: ":=".utf8) {
        let key = String(decoding: name, as: UTF8.self)
        if let value = MakeText.plainString(bytes, sign.startIndex + 2..<line.upperBound), values[key] == nil {
          values[key] = value
        } else {
          unknown.insert(key)
        }
      } else {
        // `set shell` gives recipes another one, and other files have variables. A recipe's parameters hide those of the file.
        guard text.contains(UInt8(ascii: ":")), !["set ", "import ", "import? ", "mod "].contains(where: { text.starts(with: $0.utf8) })
        else { return nil }
        unknown.formUnion(text.split { !$0.isShellNameByte && $0 != UInt8(ascii: "-") }.map { String(decoding: $0, as: UTF8.self) })
      }
    }
    var fixed: [String: ShellVariables.Value] = [:]
    for (line, before) in zip(recipes, [nil] + recipes) {
      for index in line where before.map({ !EmbeddedCommand.continues(bytes, $0) }) ?? true {
        guard script[index] <= 0x20 || "@-".utf8.contains(script[index]) else { break }
        script[index] = 0x20
      }
      var at = line.lowerBound
      while let start = script[at..<line.upperBound].firstIndex(of: UInt8(ascii: "{")),
        let end = TemplatePlaceholder.end(script, at: start) {
        at = end
        let name = String(decoding: script[(start + 2)..<(end - 2)].filter { $0 > 0x20 }, as: UTF8.self)
        guard let place = values[name], !unknown.contains(name), name.utf8.allSatisfy(\.isShellNameByte) else { continue }
        // A shell's variable with the same number of bytes.
        let padded = String(repeating: "_", count: end - start - 3 - name.utf8.count) + name
        guard fixed[padded].map({ $0.places == [place] }) ?? true else { continue }
        script.replaceSubrange(start..<end, with: Array("${\(padded)}".utf8))
        fixed[padded] = ShellVariables.Value(bytes: Array(bytes[place]), places: [place])
      }
      MakeText.replaceQuotes(line, in: &script)
    }
    guard !fixed.isEmpty else { return nil }
    self.init(script: script, variables: ShellVariables(fixed: fixed))
  }

  /// A line that gives the recipes of a justfile another program than a shell: `set shell := ["python3", "-c"]`, `[script("node")]`.
  static func otherShell(just bytes: [UInt8]) -> Range<Int>? {
    guard bytes.contains(text: "set shell") || bytes.contains(text: "[script") else { return nil }
    return EmbeddedCommand.lines(bytes).first { line in
      let text = bytes[line]
      if text.starts(with: "[script".utf8) { return true }
      guard text.starts(with: "set shell".utf8), text.contains(text: ":=") else { return false }
      let words = text.split { "[],\"'".utf8.contains($0) || $0 <= 0x20 }.dropFirst(3)
      return !(words.first.flatMap { String(decoding: $0, as: UTF8.self).fileName }.map(ShellScript.shells.contains) ?? false)
    }
  }

  /// The text between the quotes of a value that is one string of letters that no shell reads.
  private static func plainString(_ bytes: [UInt8], _ range: Range<Int>) -> Range<Int>? {
    guard let start = bytes[range].firstIndex(where: { $0 > 0x20 }), "\"'".utf8.contains(bytes[start]) else { return nil }
    let value = bytes[(start + 1)..<range.upperBound].prefix { $0.isASCIILetterOrDigit || "._:/=,+-@% ".utf8.contains($0) }
    guard value.endIndex < range.upperBound, bytes[value.endIndex] == bytes[start] else { return nil }
    let rest = bytes[(value.endIndex + 1)..<range.upperBound].first { $0 > 0x20 }
    return rest == nil || rest == UInt8(ascii: "#") ? value.startIndex..<value.endIndex : nil
  }
}
