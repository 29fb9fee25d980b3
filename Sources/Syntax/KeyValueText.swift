/// QEMU's `value,key=value,key,nokey` text (QEMU util/qemu-option.c: opts_do_parse).
public struct KeyValueText {
  /// One `key=value`.
  public struct Item: Hashable, Sendable {
    /// The key.
    public let key: String
    /// The value, with doubled commas resolved.
    public let value: String
    /// Parts of the word, for pointing.
    public let keyRange: Range<Int>
    /// Range of the value in the text.
    public let valueRange: Range<Int>
    /// A bare `key` or `nokey`, which QEMU takes and calls deprecated.
    public let isShortForm: Bool
  }

  /// The items in the order of the text.
  public let items: [Item]

  /// - Parameters:
  ///   - implied: the key of a first item that has no `=`.
  public init(_ bytes: [UInt8], implied: String?) {
    var items: [Item] = []
    var position = 0
    while position < bytes.count {
      let isFirst = position == 0
      let start = position
      let equals = KeyValueText.endOfName(bytes, from: start)
      if equals < bytes.count, bytes[equals] == UInt8(ascii: "=") {
        let value = KeyValueText.value(bytes, from: equals + 1)
        let key = String(decoding: bytes[start..<equals], as: UTF8.self)
        items.append(Item(
          key: key, value: value.text, keyRange: start..<equals, valueRange: equals + 1..<value.end,
          isShortForm: false))
        position = value.end + 1
      } else {
        let value = KeyValueText.value(bytes, from: start)
        items.append(KeyValueText.bare(value.text, start..<value.end, isFirst ? implied : nil))
        position = value.end + 1
      }
    }
    self.items = items
  }

  private static func bare(_ text: String, _ range: Range<Int>, _ implied: String?) -> Item {
    if let implied {
      return Item(key: implied, value: text, keyRange: range, valueRange: range, isShortForm: false)
    }
    let isOff = text.hasPrefix("no")
    return Item(
      key: isOff ? String(text.dropFirst(2)) : text, value: isOff ? "off" : "on", keyRange: range,
      valueRange: range, isShortForm: true)
  }

  /// The end of a name: at `=`, or at a comma.
  private static func endOfName(_ bytes: [UInt8], from start: Int) -> Int {
    bytes[start...].firstIndex { $0 == UInt8(ascii: "=") || $0 == UInt8(ascii: ",") } ?? bytes.count
  }

  /// A value up to the next single comma; two commas are one of the value's own.
  private static func value(_ bytes: [UInt8], from start: Int) -> (text: String, end: Int) {
    var value: [UInt8] = []
    var position = start
    while position < bytes.count {
      if bytes[position] == UInt8(ascii: ",") {
        guard position + 1 < bytes.count, bytes[position + 1] == UInt8(ascii: ",") else { break }
        position += 1
      }
      value.append(bytes[position])
      position += 1
    }
    return (String(decoding: value, as: UTF8.self), position)
  }
}
