import Syntax

/// A makefile: variables, and recipes of which each line is a command of a shell (GNU make manual, "Writing Recipes in Rules"). Read as
/// far as it needs no decision of make, and by what the file says: variables on make's command line are not known.
struct MakeText {
  /// The recipes as a script, with all else blanked out.
  let script: [UInt8]
  /// Variables whose value is written out.
  let variables: ShellVariables
  /// The name of a variable with which make runs the recipes in another way than one line after the other by a shell of POSIX.
  private(set) var otherShell: Range<Int>?

  init(script: [UInt8], variables: ShellVariables) { (self.script, self.variables) = (script, variables) }

  /// The recipes of a makefile or a justfile.
  static func recipes(_ bytes: [UInt8]) -> MakeText? { MakeText(just: bytes) ?? MakeText(bytes) }

  /// Nil for any other text: a makefile has a target with a recipe below it, which a tab begins.
  init?(_ bytes: [UInt8]) {
    guard !bytes.starts(with: "#!".utf8), bytes.contains(text: "\n\t") else { return nil }
    var script = bytes
    var values: [String: Variable] = [:]
    var unknown: Set<String> = []
    var isFollowed = true, hasRecipe = false, isBelowTarget = false, isInDefinition = false
    for line in MakeText.lines(bytes) {
      let text = bytes[line]
      if isInDefinition || MakeText.definesShell(text) {
        if !isInDefinition { (otherShell, isFollowed) = (line, false) }
        isInDefinition = !text.drop { $0 <= 0x20 }.starts(with: "endef".utf8)
        for index in line where script[index] != 0x0a { script[index] = 0x20 }
        continue
      }
      if text.first == UInt8(ascii: "\t") {
        guard isBelowTarget else { return nil }
        hasRecipe = true
        unknown.formUnion(MakeText.namesGiven(text))
        MakeText.readRecipe(line, into: &script)
        continue
      }
      guard let first = text.first(where: { $0 > 0x20 }), first != UInt8(ascii: "#") else { continue }
      for index in line where script[index] != 0x0a { script[index] = 0x20 }
      if let assignment = MakeText.assignment(text) {
        let (name, sign, place) = assignment
        if MakeText.setsShell(name, bytes[place]) { otherShell = line.lowerBound..<place.lowerBound }
        // A name that make composes may be any.
        if name.contains("$") { isFollowed = false }
        // A later one replaces it also above, or not, by its kind; the environment may have the value of `?=`.
        if (values[name] == nil) == (sign == "+=") || sign == "?=" || sign == "!=" { unknown.insert(name) }
        let value = MakeText.joined(bytes[place])
        if values[name] == nil {
          values[name] = Variable(value: value, places: [place], isImmediate: sign.contains(":"))
        } else {
          values[name]?.value += [0x20] + value
          values[name]?.places.append(place)
        }
      } else if let rule = MakeText.rule(text) {
        isBelowTarget = true
        // Variables of a target, and a recipe on its line.
        if rule.contains(where: { "=;".utf8.contains($0) }) { isFollowed = false }
        if let (name, _, place) = MakeText.assignment(rule), MakeText.setsShell(name, bytes[place]) {
          otherShell = rule.startIndex..<place.lowerBound
        }
      } else {
        let word = String(decoding: text.drop { $0 <= 0x20 }.prefix { $0 > 0x20 }, as: UTF8.self)
        guard MakeText.directives.contains(word) || word.hasPrefix("$(") else { return nil }
        if !MakeText.withoutEffect.contains(word) { isFollowed = false }
        if word.hasPrefix("$(eval"), text.contains(text: "SHELL") { otherShell = line }
      }
    }
    guard hasRecipe else { return nil }
    self.script = script
    variables = ShellVariables(fixed: isFollowed ? MakeText.expanded(values.filter { !unknown.contains($0.key) }) : [:])
  }

  private static let directives: Set<String> = [
    "ifeq", "ifneq", "ifdef", "ifndef", "else", "endif", "include", "-include", "sinclude", "define", "endef", "export", "unexport",
    "override", "private", "undefine", "load", "-load", "vpath"
  ]

  /// Directives and functions that change no variable.
  private static let withoutEffect: Set<String> = ["export", "unexport", "vpath", "$(info", "$(warning"]

  /// Whether a line begins the definition of the recipes' shell, `define SHELL`, whose value is in the lines below.
  private static func definesShell(_ text: ArraySlice<UInt8>) -> Bool {
    guard text.first != UInt8(ascii: "\t"), text.contains(text: "define") else { return false }
    let words = text.split { $0 <= 0x20 || ":+?=".utf8.contains($0) }.map { String(decoding: $0, as: UTF8.self) }
    let rest = words.drop { ["override", "export", "private"].contains($0) }
    return rest.first == "define" && ["SHELL", ".SHELLFLAGS"].contains(rest.dropFirst().first)
  }

  /// Whether an assignment gives the recipes another shell, or one with other arguments than they have otherwise (GNU make manual,
  /// "Choosing the Shell").
  private static func setsShell(_ name: String, _ value: ArraySlice<UInt8>) -> Bool {
    guard name == "SHELL" || name == ".SHELLFLAGS" else { return false }
    let words = value.prefix { $0 != UInt8(ascii: "#") }.split { $0 <= 0x20 }.map { String(decoding: $0, as: UTF8.self) }
    // `-o pipefail` has the name of a setting.
    let others = zip(words, [""] + words).filter { word, before in
      !word.hasPrefix("-") && !(before.hasPrefix("-") && !before.hasPrefix("--") && before.last.map { "oO".contains($0) } == true)
    }.map { $0.0 }
    if name == ".SHELLFLAGS" { return !others.isEmpty }
    // `/usr/bin/env bash`, `$(shell which bash)`; not `ssh host bash`.
    let isCall = words.first?.hasPrefix("$(") == true
    guard isCall || others.dropLast().allSatisfy({ $0.fileName == "env" }) else { return true }
    return !(others.last?.split { "/()".contains($0) }.last.map { ShellScript.shells.contains(String($0)) } ?? false)
  }

  private struct Variable {
    var value: [UInt8]
    var places: [Range<Int>]
    /// `:=`: make expands the value at once.
    let isImmediate: Bool
  }

  /// Variables that a recipe gives another make: `$(MAKE) run GPU=01:00.0`.
  private static func namesGiven(_ recipe: ArraySlice<UInt8>) -> [String] {
    guard recipe.contains(text: "make") || recipe.contains(text: "MAKE") else { return [] }
    return recipe.split(separator: UInt8(ascii: "=")).dropLast().map { part in
      String(decoding: part.reversed().drop { ":+?\"'".utf8.contains($0) }.prefix { $0.isShellNameByte }.reversed(), as: UTF8.self)
    }
  }

  /// The text behind the colon of targets.
  private static func rule(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    let targets = text.prefix { $0.isASCIILetterOrDigit || "_.%/$(){}+-&*~@ \t".utf8.contains($0) }
    let rule = text[targets.endIndex...].drop { $0 == UInt8(ascii: ":") }
    guard !targets.isEmpty, rule.startIndex > targets.endIndex, rule.first.map({ $0 <= 0x20 }) ?? true,
      !targets.split(separator: 0x20).contains(where: { $0.first == UInt8(ascii: "-") })
    else { return nil }
    return rule
  }

  /// Lines, with those that a backslash joins to them.
  private static func lines(_ bytes: [UInt8]) -> [Range<Int>] {
    var found: [Range<Int>] = []
    var start = 0
    for line in EmbeddedCommand.lines(bytes) where !EmbeddedCommand.continues(bytes, line) || line.upperBound == bytes.count {
      found.append(start..<line.upperBound)
      start = min(line.upperBound + 1, bytes.count)
    }
    return found
  }

  /// A command without the tab and the marks before it, and with `$(NAME)` as a shell writes it.
  private static func readRecipe(_ line: Range<Int>, into script: inout [UInt8]) {
    for index in line {
      guard script[index] <= 0x20 || "@+-".utf8.contains(script[index]) else { break }
      if script[index] != 0x0a { script[index] = 0x20 }
    }
    // make's own variables: those of one file, and those of several.
    var last = line.upperBound
    for index in line.dropLast() where script[index] == UInt8(ascii: "$") && index != last {
      last = index + 1
      if "<@*%".utf8.contains(script[last]) { script[last] = UInt8(ascii: "_") }
      if "^?+|".utf8.contains(script[last]) { script[last] = UInt8(ascii: "@") }
      // To make it is `$(N)AME`.
      if script[last].isShellNameByte, last + 1 < line.upperBound, script[last + 1].isShellNameByte { script[last] = UInt8(ascii: "_") }
    }
    replaceQuotes(line, in: &script)
    var parenthesis: Int?
    for index in line {
      if parenthesis == nil, script[index] == UInt8(ascii: "("), index > line.lowerBound, script[index - 1] == UInt8(ascii: "$") {
        parenthesis = index
      } else if let start = parenthesis, !script[index].isShellNameByte {
        if script[index] == UInt8(ascii: ")") { (script[start], script[index]) = (UInt8(ascii: "{"), UInt8(ascii: "}")) }
        parenthesis = nil
      }
    }
  }

  /// Makes single quotes around a variable double ones: make and just know of no quotes.
  static func replaceQuotes(_ line: Range<Int>, in script: inout [UInt8]) {
    var quote: Int?
    for index in line where script[index] == UInt8(ascii: "'") {
      if let start = quote {
        let text = script[start..<index]
        if text.contains(UInt8(ascii: "$")), !text.contains(where: { "\"\\`".utf8.contains($0) }) {
          (script[start], script[index]) = (UInt8(ascii: "\""), UInt8(ascii: "\""))
        }
        quote = nil
      } else {
        quote = index
      }
    }
  }

  /// `NAME = value`, and the place of the value.
  private static func assignment(_ text: ArraySlice<UInt8>) -> (name: String, sign: String, value: Range<Int>)? {
    func unindented(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> { text.drop { $0 == 0x20 || $0 == 0x09 } }
    var text = unindented(text)
    for word in ["export", "override"] where text.starts(with: (word + " ").utf8) { text = unindented(text.dropFirst(word.utf8.count)) }
    let name = text.prefix { $0.isShellNameByte || ".-/$(){}".utf8.contains($0) }
    let rest = unindented(text[name.endIndex...])
    let signs = ["=", ":=", "::=", ":::=", "?=", "+=", "!="]
    guard !name.isEmpty, let sign = signs.first(where: { rest.starts(with: $0.utf8) }) else { return nil }
    let value = rest.dropFirst(sign.utf8.count).drop { $0 == 0x20 || $0 == 0x09 }
    return (String(decoding: name, as: UTF8.self), sign, value.startIndex..<text.endIndex)
  }

  /// A value on one line: make joins lines with one blank, and keeps those at the end.
  private static func joined(_ text: ArraySlice<UInt8>) -> [UInt8] {
    var value: [UInt8] = []
    for line in text.split(separator: 0x0a) {
      var part = line.drop { $0 <= 0x20 }
      if part.last == UInt8(ascii: "\r") { part = part.dropLast() }
      if part.last == UInt8(ascii: "\\") {
        part = part.dropLast()
        while let last = part.last, last <= 0x20 { part = part.dropLast() }
      }
      value += (value.isEmpty ? [] : [0x20]) + part.map { $0 == 0x09 ? 0x20 : $0 }
    }
    return value
  }

  /// Values of plain text, with the variables that they are composed of. A comment, quotes and functions need make or a shell.
  private static func expanded(_ values: [String: Variable]) -> [String: ShellVariables.Value] {
    var plain: [String: ShellVariables.Value] = [:]
    /// Ends of the last assignments of all that a value is composed of.
    var ends: [String: Int] = [:]
    // The bytes of all expansions, which are bounded as in a script.
    var total = 0
    // Each round expands one more level.
    for _ in 0..<8 {
      for (name, item) in values where plain[name] == nil {
        let start = item.places.first?.lowerBound ?? 0
        var found = ShellVariables.Value(bytes: [], places: item.places)
        var value: [UInt8] = []
        var end = item.places.last?.upperBound ?? 0
        var rest = item.value[...]
        while let dollar = rest.firstIndex(of: UInt8(ascii: "$")) {
          let used = rest[(dollar + 1)...].dropFirst().prefix { $0.isShellNameByte }
          let marks = [rest[(dollar + 1)...].first, rest[used.endIndex...].first].compactMap { $0 }
          let part = String(decoding: used, as: UTF8.self)
          guard marks.elementsEqual("()".utf8) || marks.elementsEqual("{}".utf8), let inner = plain[part]?.bytes, let last = ends[part],
            last <= start || !item.isImmediate
          else { break }
          guard total + value.count + inner.count < ShellVariables.maximumBytes else { return plain }
          value += rest[..<dollar] + inner
          found.uses.insert(part)
          end = max(end, last)
          rest = rest[(used.endIndex + 1)...]
        }
        value += rest
        guard value.allSatisfy({ $0.isASCIILetterOrDigit || "._:/=,+-@% ".utf8.contains($0) }) else { continue }
        if !found.uses.isEmpty { total += value.count }
        found.bytes = value
        (plain[name], ends[name]) = (found, end)
      }
    }
    return plain
  }
}
