import Facts

extension Property {
  /// Whether it is a `-numa` option that adds a node.
  public var isNUMANode: Bool {
    name == "numa" && OptionText.items(value.string ?? "", implied: "type").last { $0.key == "type" }?.value == "node"
  }
}

/// The text of an option as `key=value` items; two commas are one of the value's own, and `key` and `nokey` switch it on and off
/// (QEMU util/qemu-option.c: opts_do_parse).
enum OptionText {
  static func items(_ text: String, implied: String) -> [(key: String, value: String)] {
    var items: [(key: String, value: String)] = []
    var current: [UInt8] = []
    func add() {
      func text(_ bytes: some Collection<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
      if let equals = current.firstIndex(of: UInt8(ascii: "=")) {
        items.append((text(current[..<equals]), text(current[(equals + 1)...])))
      } else if !current.isEmpty {
        let word = text(current)
        let isOff = word.hasPrefix("no")
        items.append(items.isEmpty ? (implied, word) : (isOff ? String(word.dropFirst(2)) : word, isOff ? "off" : "on"))
      }
    }
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      if byte != UInt8(ascii: ",") {
        current.append(byte)
      } else if rest.first == UInt8(ascii: ",") {
        current.append(byte)
        rest.removeFirst()
      } else {
        add()
        current = []
      }
    }
    add()
    return items
  }
}
