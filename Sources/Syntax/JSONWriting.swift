import CJansson

extension JSON {
  /// The value as text, written by jansson: compact, or indented by two blanks.
  public func text(indented: Bool = false) -> String {
    guard let root = build() else { return "null" }
    defer { json_decref(root) }
    let layout = indented ? 2 : Int(JSON_COMPACT)
    guard let text = json_dumps(root, Int(JSON_ENCODE_ANY) | layout) else { return "null" }
    defer { free(text) }
    return String(cString: text)
  }

  private func build() -> UnsafeMutablePointer<json_t>? {
    switch self {
    case .null: return json_null()
    case .bool(let flag): return flag ? json_true() : json_false()
    case .integer(let number): return json_integer(json_int_t(number))
    // jansson has no unsigned integers; nothing that vfiogate writes needs one.
    case .unsigned(let number): return json_real(Double(number))
    case .real(let number): return json_real(number)
    case .string(let text):
      return Array(text.utf8).withUnsafeBufferPointer { buffer in
        // SAFETY: jansson copies `count` bytes.
        buffer.withMemoryRebound(to: CChar.self) { text in
          text.baseAddress.map { json_stringn_nocheck($0, text.count) } ?? json_string("")
        }
      }
    case .array(let items):
      let array = json_array()
      for item in items { json_array_append_new(array, item.build()) }
      return array
    case .object(let members):
      let object = json_object()
      for member in members { json_object_set_new_nocheck(object, member.key, member.value.build()) }
      return object
    }
  }
}
