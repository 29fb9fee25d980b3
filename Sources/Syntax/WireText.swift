/// Text of a monitor's client, compared byte by byte as QEMU compares it. Swift's strings compare characters: `exec:` is not
/// a prefix of a text in which a combining mark follows the colon, and two spellings of one letter are equal.
public struct WireText: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
  /// The text's bytes in UTF-8.
  public let bytes: [UInt8]

  /// Creates a text of a string's bytes.
  public init(_ text: String) { bytes = Array(text.utf8) }

  /// Creates a text of bytes.
  public init(bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

  /// Creates a text.
  public init(stringLiteral text: String) { self.init(text) }

  public var description: String { String(decoding: bytes, as: UTF8.self) }

  /// Whether the text begins with these bytes.
  public func hasPrefix(_ part: WireText) -> Bool { bytes.starts(with: part.bytes) }

  /// Whether the text contains these bytes, one after the other.
  public func contains(_ part: WireText) -> Bool {
    guard let first = part.bytes.first else { return true }
    var rest = bytes[...]
    while let at = rest.firstIndex(of: first) {
      if rest[at...].starts(with: part.bytes) { return true }
      rest = rest[(at + 1)...]
    }
    return false
  }

  /// The places behind each occurrence of these bytes, which are not empty, as indices of the bytes.
  public func ends(of part: WireText) -> [Int] {
    guard let first = part.bytes.first else { return [] }
    return bytes.indices.filter { bytes[$0] == first && bytes[$0...].starts(with: part.bytes) }.map { $0 + part.bytes.count }
  }

  /// The parts between a separator's occurrences.
  public func split(_ separator: Unicode.Scalar) -> [WireText] {
    bytes.split(separator: UInt8(ascii: separator), omittingEmptySubsequences: false).map { WireText(bytes: $0) }
  }

  /// The text without its first bytes.
  public func dropping(_ count: Int) -> WireText { WireText(bytes: bytes.dropFirst(count)) }

  /// The words between blanks.
  public var words: [WireText] { bytes.split(whereSeparator: HMPCommand.isBlank).map { WireText(bytes: $0) } }

  /// The number that the text is, in decimal digits, as QEMU reads a descriptor's (QEMU monitor/fds.c: monitor_fd_param); nil
  /// for anything else.
  public var number: Int32? {
    guard !bytes.isEmpty, bytes.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    let digits = bytes.drop { $0 == 0x30 }
    return digits.isEmpty ? 0 : digits.count <= 10 ? Int32(String(decoding: digits, as: UTF8.self)) : nil
  }
}

extension JSON {
  /// The text of a string; nil for any other value.
  public var wire: WireText? { string.map { WireText($0) } }

  /// The text of a member that is a string; nil for any other, and for none.
  public func wire(_ key: String) -> WireText? { self[key]?.wire }

  /// The texts of all members of that name that are strings: of key=value text a name may be given several times.
  public func wires(_ key: WireText) -> [WireText] {
    (members ?? []).filter { WireText($0.key) == key }.compactMap(\.value.wire)
  }
}
