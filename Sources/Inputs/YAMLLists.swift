import Syntax

/// The keys, lists and strings of a YAML text (YAML 1.2.2), as most people write them. Anchors are noted and not followed.
struct YAMLLists {
  private let bytes: [UInt8]
  private var values = KeyedValues()
  /// The mappings that the current line is in; the first is for a list that no key has.
  private var mappings: [Mapping] = []
  private var groups = 0
  /// The entry that a line without a key and without a dash continues.
  private var last: Int?
  /// Whether the value that was read last is more than an anchor or a tag, and whether it may continue on the next line.
  private var hasValue = false, mayContinue = false

  private struct Mapping {
    let column: Int
    let group: Int
    /// The entry of its last key.
    var entry: Int
    /// Bytes before the dashes of the list that is the value of that key.
    var listColumn: Int?
    /// Whether that key has a value that is not a list below it, behind which no mapping begins; and whether it is a mapping.
    var isFilled = false, isMapping = false
  }

  /// Nil for a text that is not YAML, or is beyond this reader.
  static func values(_ bytes: [UInt8]) -> KeyedValues? {
    var reader = YAMLLists(bytes: bytes)
    reader.beginDocument()
    var at = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? 3 : 0
    while at < bytes.count {
      guard let next = reader.readLine(at) else { return nil }
      at = next
    }
    return reader.values
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private mutating func beginDocument() {
    mappings = []
    openMapping(at: -1)
    addKey("", 0..<0)
    last = nil
  }

  private mutating func openMapping(at column: Int) {
    mappings.append(Mapping(column: column, group: groups, entry: 0))
    groups += 1
  }

  private mutating func addKey(_ key: String, _ range: Range<Int>) {
    let mapping = mappings.count - 1
    mappings[mapping].entry = values.entries.count
    mappings[mapping].listColumn = nil
    (mappings[mapping].isFilled, mappings[mapping].isMapping) = (false, false)
    values.entries.append(KeyedValues.Entry(group: mappings[mapping].group, key: key, range: range))
    last = values.entries.count - 1
  }

  /// Reads a line, and those that its value continues on.
  /// - Returns: the position of the next line; nil when the text is not YAML.
  private mutating func readLine(_ line: Int) -> Int? {
    let end = bytes.lineEnd(from: line), next = end + 1
    if KeyedValues.isEmpty(bytes, from: line) {
      // A comment ends a text.
      if hasValue, bytes[line..<end].contains(where: { $0 > 0x20 }) { mayContinue = false }
      return next
    }
    if bytes[line..<end].starts(with: "---".utf8) || bytes[line..<end].starts(with: "...".utf8) {
      beginDocument()
      return KeyedValues.isEmpty(bytes, from: line + 3) ? next : nil
    }
    // Blanks alone indent.
    guard let start = bytes[line..<end].firstIndex(where: { $0 != 0x20 }), bytes[start] > 0x20 else { return nil }
    var content = start, dashes = 0
    while content < end, bytes[content] == UInt8(ascii: "-"), isBlank(content + 1) {
      dashes += 1
      content = bytes[(content + 1)..<end].firstIndex { $0 > 0x20 } ?? end
    }
    if content < end, "&!".utf8.contains(bytes[content]) { content = skipProperties(content, end) }
    let key = content < end ? key(at: content, end) : nil
    let column = start - line
    let depth = mappings.count
    while let mapping = mappings.last, mapping.column > column { mappings.removeLast() }
    // Text, as a dash that is not below the others is, continues the value of the last key only.
    if depth > mappings.count, dashes == 0 ? key == nil : column > mappings.last?.listColumn ?? column { return nil }
    if dashes > 0 {
      if key != nil, mappings.last?.isFilled == true { return nil }
      guard beginItem(column), let owner = mappings.last?.entry else { return nil }
      guard let key, dashes == 1 else {
        var (content, end) = (content, end)
        if dashes == 1, KeyedValues.isEmpty(bytes, from: content), let below = scalar(below: end, column) { (content, end) = below }
        values.entries[owner].range = min(values.entries[owner].range.lowerBound, start)..<end
        let isNested = dashes > 1
        (hasValue, mayContinue) = (true, false)
        guard let item = isNested ? (KeyedValues.Value(), skipping(content, end, parent: column)) : value(at: content, end, parent: column)
        else { return nil }
        if item.value.isList { addList(item.value, content..<min(item.next, bytes.count), of: owner) }
        add(item.value.string, to: owner)
        return item.next
      }
      add(nil, to: owner)
      openMapping(at: content - line)
      return readValue(of: key, content)
    }
    guard let key else {
      guard let last, let mapping = mappings.indices.last, column > 0, mayContinue, column > mappings[mapping].column,
        column > mappings[mapping].listColumn ?? -1
      else { return nil }
      if mapping > 0, !mappings[mapping].isFilled, mappings[mapping].listColumn == nil {
        return readValue(of: mappings[mapping].entry, content, end)
      }
      values.entries[last].value.string = nil
      values.entries[last].value.items = nil
      mayContinue = !KeyedValues.hasComment(bytes[content..<end])
      return next
    }
    if let mapping = mappings.indices.last, mappings[mapping].column != column {
      if let list = mappings[mapping].listColumn {
        // Below a dash that is alone on its line.
        guard column > list, !hasValue else { return nil }
      } else {
        guard !mappings[mapping].isFilled else { return nil }
        (mappings[mapping].isFilled, mappings[mapping].isMapping) = (true, true)
      }
      openMapping(at: column)
    }
    return readValue(of: key, content)
  }

  /// The scalar of an item whose dash is alone on its line, and the end of its line.
  private func scalar(below end: Int, _ column: Int) -> (Int, Int)? {
    var line = end + 1
    while line < bytes.count, KeyedValues.isEmpty(bytes, from: line) { line = bytes.lineEnd(from: line) + 1 }
    guard line < bytes.count, let start = bytes[line...].firstIndex(where: { $0 != 0x20 }), start - line > column else { return nil }
    let end = bytes.lineEnd(from: line)
    let isItem = bytes[start] == UInt8(ascii: "-") && isBlank(start + 1)
    return isItem || bytes[start] <= 0x20 || key(at: start, end) != nil ? nil : (start, end)
  }

  /// Notes the column of a dash. One that is further right than those before it is text of their item.
  private mutating func beginItem(_ column: Int) -> Bool {
    guard let mapping = mappings.indices.last else { return false }
    let entry = mappings[mapping].entry
    if mappings[mapping].isFilled {
      guard !mappings[mapping].isMapping, mayContinue, column > mappings[mapping].column else { return false }
    }
    if let other = mappings[mapping].listColumn {
      guard column >= other else { return false }
      if other != column { values.entries[entry].value.items = nil }
    } else {
      mappings[mapping].listColumn = column
      // Behind a value, it is a line of that value.
      let isFirst = !values.entries[entry].value.isList && values.entries[entry].value.string == nil
      values.entries[entry].value = KeyedValues.Value(isList: true, items: isFirst ? [] : nil)
      if values.entries[entry].range.isEmpty { values.entries[entry].range = bytes.count..<bytes.count }
    }
    last = entry
    return true
  }

  private mutating func add(_ item: Word?, to owner: Int) {
    if let item { values.entries[owner].value.items?.append(item) } else { values.entries[owner].value.items = nil }
  }

  /// Adds a list that is an item of another. A list that begins with one is of commands, and no list of arguments.
  private mutating func addList(_ value: KeyedValues.Value, _ range: Range<Int>, of owner: Int) {
    let list = values.entries[owner]
    if list.value.items?.isEmpty == true { values.entries[owner].value.isList = false }
    guard !values.entries[owner].value.isList else { return }
    values.entries.append(KeyedValues.Entry(group: groups, key: list.key, value: value, range: range))
    groups += 1
    last = values.entries.count - 1
  }

  private mutating func readValue(of key: (name: String, end: Int), _ start: Int) -> Int? {
    let end = bytes.lineEnd(from: start)
    addKey(key.name, start..<end)
    (hasValue, mayContinue) = (false, true)
    guard let content = bytes[key.end..<end].firstIndex(where: { $0 > 0x20 }) else { return end + 1 }
    if KeyedValues.isEmpty(bytes, from: key.end) { return end + 1 }
    return readValue(of: values.entries.count - 1, content, end)
  }

  /// Reads the value of the last key of the current mapping, which begins on the key's line or below it.
  private mutating func readValue(of entry: Int, _ content: Int, _ end: Int) -> Int? {
    let mapping = mappings.count - 1
    guard let found = value(at: content, end, parent: mappings[mapping].column) else { return nil }
    mappings[mapping].isFilled = hasValue
    values.entries[entry].value = found.value
    values.entries[entry].range = values.entries[entry].range.lowerBound..<min(found.next, bytes.count)
    return found.next
  }

  /// The value at a position, and the position of the line behind it; no value for one that is not read.
  private mutating func value(at start: Int, _ end: Int, parent: Int) -> (value: KeyedValues.Value, next: Int)? {
    var start = start
    if start < end, "&!".utf8.contains(bytes[start]) { start = skipProperties(start, end) }
    (hasValue, mayContinue) = (false, true)
    guard start < end, !KeyedValues.isEmpty(bytes, from: start) else { return (KeyedValues.Value(), end + 1) }
    (hasValue, mayContinue) = (true, false)
    switch bytes[start] {
    case UInt8(ascii: "*"):
      values.hasReferences = true
      return (KeyedValues.Value(), end + 1)
    case UInt8(ascii: "|"), UInt8(ascii: ">"):
      let mark = bytes[(start + 1)..<end].drop { $0.isASCIIDigit || "+-".utf8.contains($0) }.startIndex
      return !KeyedValues.isEmpty(bytes, from: mark) ? nil : (KeyedValues.Value(), skipping(start, end, parent: parent, isBlock: true))
    case UInt8(ascii: "["):
      guard let list = KeyedValues.list(bytes, at: start, { string(at: $0, inFlow: true) }) else { return nil }
      guard KeyedValues.isEmpty(bytes, from: list.end) else { return nil }
      return (KeyedValues.Value(isList: true, items: list.words), bytes.lineEnd(from: list.end) + 1)
    case UInt8(ascii: "{"), UInt8(ascii: "\""), UInt8(ascii: "'"):
      if let word = string(at: start, inFlow: false) { return KeyedValues.isEmpty(bytes, from: word.end) ? (value(word), end + 1) : nil }
      // Placeholders of templates, which make the text, begin with two braces.
      guard let last = KeyedValues.end(bytes, of: start),
        KeyedValues.isEmpty(bytes, from: last) || bytes[start...].starts(with: "{{".utf8)
      else { return nil }
      if bytes[start] == UInt8(ascii: "{") { values.braces.append(start..<last) }
      return (KeyedValues.Value(), bytes.lineEnd(from: last) + 1)
    case UInt8(ascii: "%"), UInt8(ascii: "@"), UInt8(ascii: "`"), UInt8(ascii: "]"), UInt8(ascii: "}"), UInt8(ascii: ","): return nil
    default:
      // `a: b: c` is not a mapping in a mapping.
      if key(at: start, end) != nil || "-?:".utf8.contains(bytes[start]) && isBlank(start + 1) { return nil }
      mayContinue = !KeyedValues.hasComment(bytes[start..<end])
      return (string(at: start, inFlow: false).map(value) ?? KeyedValues.Value(), end + 1)
    }
  }

  private func value(_ string: (word: Word, end: Int)) -> KeyedValues.Value {
    KeyedValues.Value(string: KeyedValues.isEmpty(bytes, from: string.end) ? string.word : nil)
  }

  /// The position behind the anchor or the tag of a value.
  private mutating func skipProperties(_ start: Int, _ end: Int) -> Int {
    values.hasReferences = true
    let name: Int = bytes[start..<end].firstIndex { $0 <= 0x20 } ?? end
    return bytes[name..<end].firstIndex { $0 > 0x20 } ?? end
  }

  /// The position behind the lines that are indented further than their key or dash, and those of a block no less than its first.
  private func skipping(_ start: Int, _ end: Int, parent: Int, isBlock: Bool = false) -> Int {
    var least = parent + 1
    var isFirst = isBlock && !bytes[start..<end].contains(where: \.isASCIIDigit)
    var at = end + 1
    while at < bytes.count {
      let end = bytes.lineEnd(from: at)
      guard let first = bytes[at..<end].firstIndex(where: { $0 != 0x20 }), bytes[first] > 0x20 else { at = end + 1; continue }
      if first - at < least { break }
      if isFirst { (least, isFirst) = (first - at, false) }
      at = end + 1
    }
    return at
  }

  /// The key at the beginning of a text, and the position behind its colon.
  private func key(at start: Int, _ end: Int) -> (name: String, end: Int)? {
    if "\"'".utf8.contains(bytes[start]) {
      guard let word = KeyedValues.quoted(bytes, at: start, doubles: true), word.end < end, bytes[word.end] == UInt8(ascii: ":"),
        isBlank(word.end + 1)
      else { return nil }
      return (word.word.text, word.end + 1)
    }
    guard !"[]{},#|>@%`?".utf8.contains(bytes[start]) else { return nil }
    var at = start + 1
    while at < end, !(bytes[at] == UInt8(ascii: "#") && bytes[at - 1] <= 0x20) || at == start {
      if bytes[at] == UInt8(ascii: ":"), isBlank(at + 1) { return (String(decoding: bytes[start..<at], as: UTF8.self), at + 1) }
      at += 1
    }
    return nil
  }

  /// A string, in quotes or without; nil for one that is not on a line, or may be something else than a string.
  private func string(at start: Int, inFlow: Bool) -> (word: Word, end: Int)? {
    if "\"'".utf8.contains(bytes[start]) { return KeyedValues.quoted(bytes, at: start, doubles: true) }
    guard !"&*!|>%@`{}[],#".utf8.contains(bytes[start]), !("-?:".utf8.contains(bytes[start]) && isBlank(start + 1)) else { return nil }
    var end = start
    while end < bytes.count, bytes[end] != 0x0a, !(bytes[end] == UInt8(ascii: "#") && bytes[end - 1] <= 0x20),
      !(inFlow && ",[]{}".utf8.contains(bytes[end])) {
      if bytes[end] == UInt8(ascii: ":"), isBlank(end + 1) || inFlow && ",[]{}".utf8.contains(bytes[end + 1]) { return nil }
      end += 1
    }
    while bytes[end - 1] <= 0x20 { end -= 1 }
    let text = Array(bytes[start..<end])
    guard YAMLLists.isString(text) else { return nil }
    return (KeyedValues.word(text, Array(start..<end), end: end), end)
  }

  /// Whether a text without quotes is a string, or a number that reads unchanged.
  private static func isString(_ text: [UInt8]) -> Bool {
    let name = String(decoding: text, as: UTF8.self).lowercased()
    if ["true", "false", "yes", "no", "on", "off", "y", "n", "null", "~"].contains(name) { return false }
    let mayBeNumber = text.contains(where: \.isASCIIDigit) && text.allSatisfy { $0.isASCIIDigit || "+-._:xobeEaAcCdDfF".utf8.contains($0) }
    let isDecimal = text.allSatisfy(\.isASCIIDigit) && (text.first != UInt8(ascii: "0") || text.count == 1)
    return !mayBeNumber || isDecimal
  }

  private func isBlank(_ at: Int) -> Bool { at >= bytes.count || bytes[at] <= 0x20 }
}
