import Syntax

/// The keys, lists and strings of a text in TOML, or in HCL as far as it is written alike: `args = ["-device", "vfio-pci,…"]`.
struct TOMLLists {
  private let bytes: [UInt8]
  private var values = KeyedValues()
  /// The numbers of the blocks that the current line is in.
  private var blocks = [0]
  private var groups = 0

  /// Nil for a text in another language, or with a string of several lines: the last line of a here document is neither a key nor a block.
  /// Without a table it may be a program.
  static func values(_ bytes: [UInt8]) -> KeyedValues? {
    guard !bytes.contains(text: "\"\"\""), !bytes.contains(text: "'''") else { return nil }
    var reader = TOMLLists(bytes: bytes)
    var at = 0
    while at < bytes.count {
      guard let next = reader.readLine(at) else { return nil }
      at = next
    }
    return reader.blocks.count == 1 && reader.groups > 0 ? reader.values : nil
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  /// Reads a line, and those that its value continues on.
  /// - Returns: the position of the next line; nil when the text is something else.
  private mutating func readLine(_ line: Int) -> Int? {
    let end = bytes.lineEnd(from: line), next = end + 1
    guard let start = bytes[line..<end].firstIndex(where: { $0 > 0x20 }), bytes[start] != UInt8(ascii: "#"),
      !bytes[start..<end].starts(with: "//".utf8)
    else { return next }
    let line = bytes[start..<end].prefix { $0 != UInt8(ascii: "#") }
    let text = line[..<(Array(line).firstRange(of: Array(" //".utf8)).map { start + $0.lowerBound } ?? line.endIndex)]
    guard let last = text.last(where: { $0 > 0x20 }) else { return next }
    if bytes[start] == UInt8(ascii: "[") {
      groups += 1
      blocks = [groups]
      // `[vm.args]` may belong to the command of `[vm]`.
      if let dot = text.lastIndex(of: UInt8(ascii: ".")), isOfCommand(text[dot...]) { values.hasReferences = true }
      return last == UInt8(ascii: "]") ? next : nil
    }
    if bytes[start] == UInt8(ascii: "}") {
      blocks.removeLast()
      return blocks.isEmpty || last != UInt8(ascii: "}") ? nil : next
    }
    let isQuoted = "\"'".utf8.contains(bytes[start])
    let name = isQuoted ? KeyedValues.quoted(bytes, at: start, doubles: false).map { bytes[start..<$0.end] } : text.prefix(while: isKeyByte)
    guard let name, !name.isEmpty, let sign = bytes[name.endIndex..<end].firstIndex(where: { $0 > 0x20 }) else { return nil }
    guard bytes[sign] == UInt8(ascii: "=") else {
      // A block of HCL: `task "vm" {`.
      guard last == UInt8(ascii: "{"), text[sign...].allSatisfy({ isKeyByte($0) || $0 <= 0x20 || "\"{".utf8.contains($0) })
      else { return nil }
      if name.elementsEqual("dynamic".utf8) || isOfCommand(name) { values.hasReferences = true }
      return openBlock(next)
    }
    guard let start = bytes[(sign + 1)..<end].firstIndex(where: { $0 > 0x20 }) else { return nil }
    if last == UInt8(ascii: "{"), bytes[start] == last { return openBlock(next) }
    let key = String(decoding: name.filter { !"\"'".utf8.contains($0) }, as: UTF8.self)
    var value = KeyedValues.Value(), behind = end
    switch bytes[start] {
    case UInt8(ascii: "["):
      guard let list = KeyedValues.list(bytes, at: start, slashes: true, string) else { return nil }
      (value, behind) = (KeyedValues.Value(isList: true, items: list.words), list.end)
    case UInt8(ascii: "\""), UInt8(ascii: "'"):
      guard let end = KeyedValues.end(bytes, of: start), end <= next else { return nil }
      value.string = string(at: start)?.word
      behind = end
    default:
      value.isExpression = bytes[start].isASCIILetter && !["true", "false"].contains { text[start...].starts(with: $0.utf8) }
      guard let open = text[start...].firstIndex(where: { "([{".utf8.contains($0) }) else { break }
      guard let end = KeyedValues.end(bytes, of: open, slashes: true) else { return nil }
      values.braces.append(start..<end)
      behind = end
    }
    let group = blocks[blocks.count - 1]
    values.entries.append(KeyedValues.Entry(group: group, key: key, value: value, range: name.startIndex..<behind))
    let isWhole = KeyedValues.isEmpty(bytes, from: behind) || bytes[behind...].drop { $0 == 0x20 }.starts(with: "//".utf8)
    return isWhole || bytes[start].isASCIILetterOrDigit ? bytes.lineEnd(from: behind) + 1 : nil
  }

  private mutating func openBlock(_ next: Int) -> Int {
    groups += 1
    blocks.append(groups)
    return next
  }

  private func isOfCommand(_ name: ArraySlice<UInt8>) -> Bool { ArgumentFile.isOfCommand(String(decoding: name, as: UTF8.self)) }

  private func isKeyByte(_ byte: UInt8) -> Bool { byte.isShellNameByte || "-.".utf8.contains(byte) }

  private func string(at start: Int) -> (word: Word, end: Int)? {
    guard "\"'".utf8.contains(bytes[start]) else { return nil }
    return KeyedValues.quoted(bytes, at: start, doubles: false)
  }
}
