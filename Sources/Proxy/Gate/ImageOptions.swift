import Syntax

extension WireText {
  /// Options that cannot be read as QEMU would.
  struct UnreadableOptions: Error {}

  /// The options that the name of an image may consist of (QEMU block.c: parse_json_filename); nil for any other name. Their
  /// strings may be in single quotes.
  func imageOptions() throws(UnreadableOptions) -> JSON? {
    guard hasPrefix("json:") else { return nil }
    do { return try JSON.parse(JSON.inDoubleQuotes(dropping(5).bytes)) } catch { throw UnreadableOptions() }
  }
}

extension JSON {
  /// Whether a text at any depth is options of an image that cannot be read.
  var hasUnreadableOptions: Bool {
    switch self {
    case .string(let text):
      do { return try WireText(text).imageOptions()?.hasUnreadableOptions ?? false } catch { return true }
    case .array(let items): return items.contains(where: \.hasUnreadableOptions)
    case .object(let members): return members.contains(where: \.value.hasUnreadableOptions)
    default: return false
    }
  }
}
