import CYAML

/// A part of a YAML text with its position, as libyaml reads it (YAML 1.1, and what 1.2 has in common with that).
public struct YAMLEvent {
  /// The kind of a part.
  public enum Kind: Equatable {
    /// The beginning of a document.
    case document
    /// The beginning of a mapping.
    case mapping
    /// The beginning of a list.
    case list
    /// The end of the innermost mapping or list.
    case end
    /// A scalar with its text: in quotes, a literal or folded block, or plain.
    case quoted(String), block(String), plain(String)
    /// The use of an anchor.
    case alias
  }

  /// The kind.
  public let kind: Kind
  /// Its bytes. The end of a block is where libyaml notices it: at the next part.
  public let range: Range<Int>
  /// Whether it has an anchor or a tag.
  public let hasProperties: Bool

  /// Limit of mappings and lists that a part may be in: libyaml reads the list of them at each word.
  public static let maximumDepth = 64

  /// End of what was read of a text.
  public enum Extent {
    /// The whole text.
    case whole
    /// A part, at which the caller stopped.
    case part
    /// The text before what is not YAML.
    case malformed
    /// The text before what nests deeper than `maximumDepth`.
    case tooDeep
  }

  /// Reads a text of UTF-8 to its end.
  /// - Parameter handle: takes each part, and returns whether to continue.
  public static func read(_ bytes: [UInt8], _ handle: (YAMLEvent) -> Bool) -> Extent {
    var parser = yaml_parser_t()
    guard yaml_parser_initialize(&parser) == 1 else { return .malformed }
    defer { yaml_parser_delete(&parser) }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING)
    // A byte order mark would count as a column.
    let bytes = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? bytes[3...] : bytes[...]
    let offsets = offsets(bytes)
    var depth = 0
    return bytes.withUnsafeBufferPointer { text in
      yaml_parser_set_input_string(&parser, text.baseAddress, text.count)
      while true {
        var event = yaml_event_t()
        guard yaml_parser_parse(&parser, &event) == 1 else { return .malformed }
        defer { yaml_event_delete(&event) }
        if event.type == YAML_STREAM_END_EVENT { return .whole }
        guard let kind = kind(of: event) else { continue }
        if kind == .mapping || kind == .list { depth += 1 } else if kind == .end { depth -= 1 }
        guard depth <= maximumDepth else { return .tooDeep }
        func place(_ mark: yaml_mark_t) -> Int {
          min(offsets.map { $0[min(mark.index, $0.count - 1)] } ?? bytes.startIndex + mark.index, bytes.endIndex)
        }
        let range = place(event.start_mark)..<max(place(event.start_mark), place(event.end_mark))
        guard handle(YAMLEvent(kind: kind, range: range, hasProperties: hasProperties(event))) else { return .part }
      }
    }
  }

  /// The offset of each character, by which libyaml counts, and of the end; nil where each is a byte.
  private static func offsets(_ bytes: ArraySlice<UInt8>) -> [Int]? {
    if bytes.allSatisfy({ $0 < 0x80 }) { return nil }
    return bytes.indices.filter { bytes[$0] & 0xc0 != 0x80 } + [bytes.endIndex]
  }

  private static func kind(of event: yaml_event_t) -> Kind? {
    switch event.type {
    case YAML_DOCUMENT_START_EVENT: return .document
    case YAML_MAPPING_START_EVENT: return .mapping
    case YAML_SEQUENCE_START_EVENT: return .list
    case YAML_MAPPING_END_EVENT, YAML_SEQUENCE_END_EVENT: return .end
    case YAML_ALIAS_EVENT: return .alias
    case YAML_SCALAR_EVENT:
      let scalar = event.data.scalar
      let text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
      switch scalar.style {
      case YAML_LITERAL_SCALAR_STYLE, YAML_FOLDED_SCALAR_STYLE: return .block(text)
      case YAML_PLAIN_SCALAR_STYLE: return .plain(text)
      default: return .quoted(text)
      }
    default: return nil
    }
  }

  private static func hasProperties(_ event: yaml_event_t) -> Bool {
    switch event.type {
    case YAML_MAPPING_START_EVENT: return event.data.mapping_start.anchor != nil || event.data.mapping_start.tag != nil
    case YAML_SEQUENCE_START_EVENT: return event.data.sequence_start.anchor != nil || event.data.sequence_start.tag != nil
    case YAML_SCALAR_EVENT: return event.data.scalar.anchor != nil || event.data.scalar.tag != nil
    default: return false
    }
  }
}
