import Syntax

/// A command line as a JSON list of strings, as Python and container runtimes write it.
enum ArgumentList {
  /// Whether a list is QEMU's arguments: it begins with QEMU, a program that starts it, or an option; or it mentions a device.
  static func mayBeQEMU(_ words: [Word], _ bytes: [UInt8]) -> Bool {
    guard let first = words.first else { return false }
    if first.bytes.first == UInt8(ascii: "-") || InputFormat.isEmulator(first.text) { return true }
    let target = ShellRunner.target(of: words, isEmulator: ShellScript.isEmulator)
    return target != .other || !DeviceMentions.all(in: bytes).isEmpty
  }

  /// Whether a text is a list whose first item is an emulator.
  static func beginsWithQEMU(_ bytes: [UInt8]) -> Bool {
    guard let list = try? JSON.parse(JSON.inDoubleQuotes(bytes)), case .array(let items) = list else { return false }
    return items.first?.string.map(InputFormat.isEmulator) == true
  }

  /// The list's strings; nil when the text is not such a list.
  static func words(_ bytes: [UInt8]) -> [Word]? {
    guard bytes.first(where: { $0 > 0x20 }) == UInt8(ascii: "[") else { return nil }
    let text = JSON.inDoubleQuotes(bytes)
    guard let list = try? JSON.parse(text), case .array(let items) = list, !items.isEmpty else { return nil }
    var places = JSONPlaces.items(of: text)[...]
    var words: [Word] = []
    let whole = Word(bytes, at: 0)
    for item in items {
      guard case .string(let string) = item, let place = places.popFirst() else { return nil }
      words.append(whole.jsonString(at: place, string))
    }
    return words
  }
}
