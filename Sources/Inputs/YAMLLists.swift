import Syntax

/// The keys, lists and strings of a YAML text. Anchors are noted and not followed.
struct YAMLLists {
  private let bytes: [UInt8]
  private var values = KeyedValues()
  /// The mappings and lists that the next part is in.
  private var parts: [Part] = []
  private var groups = 0

  private enum Part {
    /// The entry of the key whose value comes next; nil before a key.
    case mapping(group: Int, entry: Int?)
    /// The entry of the list; nil for one that is not of arguments.
    case list(Int?)
  }

  /// Nil for a text that is not YAML, or has a key that is not a scalar.
  static func values(_ bytes: [UInt8]) -> KeyedValues? {
    var reader = YAMLLists(bytes: bytes)
    return YAMLEvent.read(withoutPlaceholders(bytes)) { reader.add($0) } == .whole ? reader.values : nil
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  /// The text with letters for `{{ name }}`: what another program replaces is not a mapping.
  static func withoutPlaceholders(_ bytes: [UInt8]) -> [UInt8] {
    var text = bytes
    var at = 0
    while let start = bytes[at...].firstRange(of: Array("{{".utf8))?.lowerBound {
      let line = bytes.lineEnd(from: start)
      guard let end = bytes[start..<line].firstRange(of: Array("}}".utf8))?.upperBound else { at = line; continue }
      for index in start..<end { text[index] = UInt8(ascii: "x") }
      at = end
    }
    return text
  }

  /// - Returns: whether the reader can continue.
  private mutating func add(_ event: YAMLEvent) -> Bool {
    values.hasReferences = values.hasReferences || event.hasProperties || event.kind == .alias
    switch event.kind {
    case .document:
      parts = []
      return true
    case .end:
      if case .list(let entry?) = parts.popLast(), bytes[event.range].first == UInt8(ascii: "]") { extend(entry, event.range.upperBound) }
      return true
    case .mapping:
      guard take(nil, to: nil) else { return false }
      parts.append(.mapping(group: groups, entry: nil))
      groups += 1
      return true
    case .list: return beginList(event.range.lowerBound)
    case .alias: return addScalar(nil, "", event.range)
    case .quoted(let name), .block(let name), .plain(let name): return addScalar(word(event), name, event.range)
    }
  }

  private mutating func addScalar(_ word: Word?, _ name: String, _ range: Range<Int>) -> Bool {
    if case .mapping(let group, nil) = parts.last {
      parts[parts.count - 1] = .mapping(group: group, entry: values.entries.count)
      values.entries.append(KeyedValues.Entry(group: group, key: name, range: range))
      return true
    }
    return take(word, to: range.upperBound)
  }

  /// Gives a value to the key or the list that it is of; nil for one that is not read.
  /// - Parameter end: the end of a scalar; nil for a mapping, whose keys have entries of their own.
  private mutating func take(_ word: Word?, to end: Int?) -> Bool {
    switch parts.last {
    case .mapping(_, nil): return false
    case .mapping(let group, let entry?):
      values.entries[entry].value.string = word
      if let end { extend(entry, end) }
      parts[parts.count - 1] = .mapping(group: group, entry: nil)
    case .list(let entry?):
      if let end { extend(entry, end) }
      if let word { values.entries[entry].value.items?.append(word) } else { values.entries[entry].value.items = nil }
    case .list(nil), nil: break
    }
    return true
  }

  private mutating func extend(_ entry: Int, _ end: Int) {
    let range = values.entries[entry].range
    values.entries[entry].range = range.lowerBound..<max(range.upperBound, end)
  }

  private mutating func beginList(_ start: Int) -> Bool {
    let entry: Int?
    switch parts.last {
    case .mapping(_, nil): return false
    case .mapping(let group, let key?):
      entry = key
      parts[parts.count - 1] = .mapping(group: group, entry: nil)
    case .list(let owner): entry = nestedList(start, in: owner)
    case nil: entry = addList(key: "", start)
    }
    if let entry { values.entries[entry].value = KeyedValues.Value(isList: true, items: []) }
    parts.append(.list(entry))
    return true
  }

  /// The entry of a list that is an item of another. A list that begins with one is of commands, and no list of arguments.
  private mutating func nestedList(_ start: Int, in owner: Int?) -> Int? {
    guard let owner else { return nil }
    if values.entries[owner].value.items?.isEmpty == true { values.entries[owner].value.isList = false }
    values.entries[owner].value.items = nil
    return values.entries[owner].value.isList ? nil : addList(key: values.entries[owner].key, start)
  }

  private mutating func addList(key: String, _ start: Int) -> Int {
    values.entries.append(KeyedValues.Entry(group: groups, key: key, range: start..<start))
    groups += 1
    return values.entries.count - 1
  }

  /// The word of a scalar; nil for one that is not on a line, has an escape, or may be something else than a string.
  private func word(_ event: YAMLEvent) -> Word? {
    switch event.kind {
    case .quoted: return KeyedValues.quoted(bytes, at: event.range.lowerBound, doubles: true)?.word
    case .plain:
      let text = Array(bytes[event.range])
      guard !text.contains(0x0a), YAMLLists.isString(text) else { return nil }
      return KeyedValues.word(text, Array(event.range), end: event.range.upperBound)
    default: return nil
    }
  }

  /// Whether a text without quotes is a string, or a number that reads unchanged.
  private static func isString(_ text: [UInt8]) -> Bool {
    let name = String(decoding: text, as: UTF8.self).lowercased()
    if ["", "true", "false", "yes", "no", "on", "off", "y", "n", "null", "~"].contains(name) { return false }
    let mayBeNumber = text.contains(where: \.isASCIIDigit) && text.allSatisfy { $0.isASCIIDigit || "+-._:xobeEaAcCdDfF".utf8.contains($0) }
    let isDecimal = text.allSatisfy(\.isASCIIDigit) && (text.first != UInt8(ascii: "0") || text.count == 1)
    return !mayBeNumber || isDecimal
  }
}
