import Syntax

extension WireText {
  /// Options that cannot be read as QEMU would.
  struct UnreadableOptions: Error {}

  /// Limit of images in the name of another; real names have one or two.
  private static let imageLimit = 16

  /// The options that the name of an image may consist of (QEMU block.c: parse_json_filename), or of the node that it names above another
  /// image; nil for any other name. Their strings may be in single quotes.
  func imageOptions() throws(UnreadableOptions) -> JSON? {
    if hasPrefix("json:") {
      do { return try JSON.parse(JSON.inDoubleQuotes(dropping(5).bytes)) } catch { throw UnreadableOptions() }
    }
    var above: [(first: JSON.Member, image: String)] = []
    var rest = self
    while let node = rest.nodeAbove {
      guard above.count < WireText.imageLimit else { throw UnreadableOptions() }
      above.append((node.first, node.image))
      rest = node.rest
    }
    guard !above.isEmpty else { return nil }
    return above.reversed().reduce(.string(rest.description)) { below, node in .object([node.first, JSON.Member(node.image, below)]) }
  }

  /// The first member, the name of the child, and its image, of a name `blkdebug:CONFIG:IMAGE` or `blkverify:RAW:IMAGE` (QEMU
  /// block/blkdebug.c: blkdebug_parse_filename; block/blkverify.c: blkverify_parse_filename).
  private var nodeAbove: (first: JSON.Member, image: String, rest: WireText)? {
    for (name, first, image) in [(WireText("blkdebug:"), "config", "x-image"), ("blkverify:", "x-raw", "x-image")] where hasPrefix(name) {
      let behind = bytes.dropFirst(name.bytes.count)
      guard let colon = behind.firstIndex(of: UInt8(ascii: ":")) else { return nil }
      let text = WireText(bytes: behind[..<colon]).description
      return (JSON.Member(first, .string(text)), image, WireText(bytes: behind[(colon + 1)...]))
    }
    return nil
  }
}
