import Syntax

/// Strings of a YAML text, beside their key or dash, that may start QEMU: `run: qemu-system-x86_64 …`.
struct YAMLCommands {
  /// One string.
  struct Command {
    /// Its key; empty for an item of a list.
    let key: String
    /// The key that the mapping or the list with it belongs to.
    let owner: String
    /// Its bytes, without quotes.
    let range: Range<Int>
    /// Whether other parts of the text may name it, or it has a tag.
    let isAnchored: Bool
  }

  private let bytes: [UInt8]
  private var commands: [Command] = []
  /// The mappings and lists that the next part is in, with the key whose value comes next; nil before a key.
  private var parts: [(isMapping: Bool, key: String?)] = []

  /// None for a text that is not YAML.
  static func all(in bytes: [UInt8]) -> [Command] {
    guard mayNameQEMU(bytes[...]) else { return [] }
    var reader = YAMLCommands(bytes: bytes)
    let extent = YAMLEvent.read(YAMLLists.withoutPlaceholders(bytes)) { event in
      reader.add(event)
      return true
    }
    return extent == .whole ? reader.commands : []
  }

  /// Keys of texts for people, which may begin with the name of the program that they are about.
  private static let ofProse: Set = [
    "comment", "description", "help", "label", "message", "msg", "name", "note", "reason", "summary", "title"
  ]

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private static func mayNameQEMU(_ text: ArraySlice<UInt8>) -> Bool {
    ["qemu", "QEMU", "kvm"].contains { text.contains(text: $0) }
  }

  private mutating func add(_ event: YAMLEvent) {
    switch event.kind {
    case .document: parts = []
    case .mapping: parts.append((true, nil))
    case .list: parts.append((false, nil))
    case .end:
      _ = parts.popLast()
      endValue()
    case .alias: endValue()
    case .block(let text), .quoted(let text), .plain(let text):
      guard let part = parts.last else { return }
      guard !part.isMapping || part.key != nil else {
        parts[parts.count - 1].key = text
        return
      }
      if !YAMLCommands.ofProse.contains(part.key ?? ""), let range = content(event) {
        let owner = parts.dropLast(part.isMapping ? 1 : 0).last { $0.key != nil }?.key ?? ""
        commands.append(Command(key: part.key ?? "", owner: owner, range: range, isAnchored: event.hasProperties))
      }
      endValue()
    }
  }

  /// A key that is not a scalar has no name.
  private mutating func endValue() {
    guard let part = parts.last, part.isMapping else { return }
    parts[parts.count - 1].key = part.key == nil ? "" : nil
  }

  /// The bytes of a string without escapes, whose lines may be folded; nil for any other.
  private func content(_ event: YAMLEvent) -> Range<Int>? {
    var range = event.range
    switch event.kind {
    case .plain: break
    case .quoted:
      guard range.count > 2 else { return nil }
      range = range.lowerBound + 1..<range.upperBound - 1
      let text = bytes[range]
      guard !text.contains(bytes[event.range.lowerBound]), !text.contains(UInt8(ascii: "\\")) else { return nil }
    default: return nil
    }
    // A blank line stays a line.
    let inner = bytes[range].split(separator: 0x0a, omittingEmptySubsequences: false)
    guard YAMLCommands.mayNameQEMU(bytes[range]), !inner.contains(where: { line in line.allSatisfy { $0 <= 0x20 } }) else { return nil }
    return range
  }
}
