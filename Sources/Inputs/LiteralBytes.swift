import Syntax

/// Characters that are special to a shell, and are not in a text that another program splits into words.
enum LiteralBytes {
  /// Each with a byte that no text contains in its place.
  static let marks: [UInt8: UInt8] = Dictionary(uniqueKeysWithValues: zip("#&|()<>`{;\"".utf8, [0xc0, 0xc1] + Array<UInt8>(0xf5...0xfd)))
  private static let originals = Dictionary(uniqueKeysWithValues: marks.map { ($1, $0) })

  /// The byte that a byte stands for.
  static func shown(_ byte: UInt8) -> UInt8 { originals[byte] ?? byte }

  /// The end of `${NAME}`.
  private static func variableEnd(_ text: [UInt8], _ start: Int) -> Int? {
    guard text[start...].starts(with: "${".utf8) else { return nil }
    let name = text[(start + 2)...].prefix { $0.isShellNameByte }
    return !name.isEmpty && text[name.endIndex...].first == UInt8(ascii: "}") ? name.endIndex + 1 : nil
  }

  /// The text with marks for all of them but quotes, variables and a template's placeholders.
  static func hidden(_ text: [UInt8]) -> [UInt8] {
    var hidden = text
    var index = 0
    while index < text.count {
      if let end = TemplatePlaceholder.end(text, at: index) ?? variableEnd(text, index) {
        index = end
        continue
      }
      if text[index] != UInt8(ascii: "\""), let mark = marks[text[index]] { hidden[index] = mark }
      index += 1
    }
    return hidden
  }
}
