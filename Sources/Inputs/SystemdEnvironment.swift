import Syntax

extension SystemdUnit {
  /// The variables that `Environment=` sets to plain values, for uses as `${NAME}` (systemd.exec(5), Environment=). None when
  /// another setting may change them.
  static func variables(_ bytes: [UInt8]) -> ShellVariables {
    var values: [String: (value: [UInt8], place: Range<Int>)] = [:]
    var isService = false
    for line in EmbeddedCommand.lines(bytes) where !isComment(bytes, line) {
      guard let start = bytes[line].firstIndex(where: { $0 > 0x20 }) else { continue }
      let text = bytes[start..<line.upperBound]
      if text.first == UInt8(ascii: "[") { isService = text.starts(with: "[Service]".utf8) }
      let others = ["EnvironmentFile", "PassEnvironment", "UnsetEnvironment"]
      if others.contains(where: { text.starts(with: $0.utf8) }) { return ShellVariables() }
      guard isService, text.starts(with: "Environment".utf8), let equals = text.firstIndex(of: UInt8(ascii: "=")),
        text[start..<equals].split(whereSeparator: { $0 <= 0x20 }).map({ Array($0) }) == [Array("Environment".utf8)]
      else { continue }
      guard !EmbeddedCommand.continues(bytes, line), let items = items(bytes, equals + 1..<line.upperBound) else { return ShellVariables() }
      // An empty one takes those before it away.
      if items.isEmpty { values = [:] }
      for item in items {
        let name = bytes[item].prefix { $0.isShellNameByte }
        guard bytes[name.endIndex...].first == UInt8(ascii: "="), name.endIndex < item.upperBound else { return ShellVariables() }
        values[String(decoding: name, as: UTF8.self)] = (Array(bytes[name.endIndex + 1..<item.upperBound]), item)
      }
    }
    // `$NAME` is split into words, and inside a word it is text (systemd.service(5), Command Lines).
    let split = Set(bytes.indices(of: [UInt8(ascii: "$")]).map { dollar in
      String(decoding: bytes[(dollar + 1)...].prefix { $0.isShellNameByte }, as: UTF8.self)
    })
    let plain = values.filter { name, item in
      item.value.allSatisfy { $0.isASCIILetterOrDigit || "._:/=,+-".utf8.contains($0) } && !split.contains(name)
    }
    return ShellVariables(fixed: plain.mapValues { ShellVariables.Value(bytes: $0.value, places: [$0.place]) })
  }

  /// The assignments of one line, each without quotes or with quotes around all of it; nil when one is written in another way.
  private static func items(_ bytes: [UInt8], _ range: Range<Int>) -> [Range<Int>]? {
    var items: [Range<Int>] = []
    var at = range.lowerBound
    while let start = bytes[at..<range.upperBound].firstIndex(where: { $0 > 0x20 }) {
      let quote = "\"'".utf8.contains(bytes[start]) ? bytes[start] : nil
      let item = bytes[(quote == nil ? start : start + 1)..<range.upperBound].prefix { quote == nil ? $0 > 0x20 : $0 != quote }
      at = item.endIndex + (quote == nil ? 0 : 1)
      let isClosed = at == range.upperBound || at < range.upperBound && bytes[at] <= 0x20
      guard isClosed, !item.contains(where: { "\"'\\%".utf8.contains($0) }) else { return nil }
      items.append(item.startIndex..<item.endIndex)
    }
    return items
  }

  /// The second word of a command with the prefix `@`: the name that the process gets, and no argument.
  static func processName(_ bytes: [UInt8], _ command: Range<Int>) -> Range<Int>? {
    // A value may have other commands before it.
    let prefixes = bytes[..<command.lowerBound].reversed().prefix { $0 <= 0x20 || "@-:+!|".utf8.contains($0) }
    guard prefixes.contains(UInt8(ascii: "@")),
      let blank = bytes[command].firstIndex(where: { $0 <= 0x20 }),
      let start = (blank..<command.upperBound).first(where: {
        bytes[$0] > 0x20 && !(bytes[$0] == UInt8(ascii: "\\") && $0 + 1 < command.upperBound && bytes[$0 + 1] == 0x0a)
      })
    else { return nil }
    if "\"'".utf8.contains(bytes[start]) {
      let inner = bytes[(start + 1)..<command.upperBound].prefix { !"\"'\\#;$%\n".utf8.contains($0) }
      let end = inner.endIndex + 1
      guard end < command.upperBound, bytes[inner.endIndex] == bytes[start], bytes[end] <= 0x20 else { return nil }
      return start..<end
    }
    let word = bytes[start..<command.upperBound].prefix { $0 > 0x20 }
    // `$NAME` may be several words, and the others are arguments; or none.
    if word.starts(with: "$".utf8), !word.starts(with: "${".utf8) { return nil }
    return word.contains { "\"'\\#;".utf8.contains($0) } ? nil : word.startIndex..<word.endIndex
  }
}
