/// The arguments of a human monitor's command, read by the types that QEMU gives them, such as `detach:-d,uri:s` (QEMU
/// monitor/hmp.c: monitor_parse_arguments). Of numbers only plain ones are read.
public struct HMPArguments {
  private var values: [WireText: Word] = [:]

  /// Reads the arguments.
  /// - Parameter types: keys and types, separated by commas, as in QEMU's hmp-commands.hx.
  /// - Returns: nil where QEMU refuses the line, cuts a word, or would read a number.
  public init?(_ command: HMPCommand, types: String) {
    var rest = command.rest
    let types = WireText(types).split(",").filter { !$0.bytes.isEmpty }
    for (index, item) in types.enumerated() {
      let parts = item.split(":")
      guard parts.count == 2, let kind = parts[1].bytes.first else { return nil }
      let isOptional = parts[1].bytes.last == UInt8(ascii: "?")
      rest = rest.withoutBlanks
      switch kind {
      case UInt8(ascii: "-"):
        guard rest.bytes.first == kind else { continue }
        guard let isGiven = HMPArguments.flag(rest, parts[1], later: types[(index + 1)...]) else { return nil }
        guard isGiven else { continue }
        rest = rest.part(2..<rest.bytes.count)
        values[parts[0]] = Word([], at: 0)
        // -ds: the flag has a value.
        guard parts[1].bytes.count == 3 else { continue }
        guard let (word, behind) = rest.withoutBlanks.hmpWord else { return nil }
        values[parts[0]] = word
        rest = behind
      case UInt8(ascii: "s"), UInt8(ascii: "F"), UInt8(ascii: "B"), UInt8(ascii: "O"):
        // Options may be missing altogether.
        if rest.bytes.isEmpty, isOptional || kind == UInt8(ascii: "O") { continue }
        guard let (word, behind) = rest.hmpWord else { return nil }
        values[parts[0]] = word
        rest = behind
      case UInt8(ascii: "S"):
        if rest.bytes.isEmpty, isOptional { continue }
        guard !rest.bytes.isEmpty else { return nil }
        values[parts[0]] = rest
        rest = rest.part(rest.bytes.count..<rest.bytes.count)
      case UInt8(ascii: "i"), UInt8(ascii: "l"):
        if rest.bytes.isEmpty, isOptional { continue }
        // An expression is not read.
        guard let (word, behind) = rest.hmpWord, !word.bytes.isEmpty, word.bytes.allSatisfy({ (0x30...0x39).contains($0) })
        else { return nil }
        values[parts[0]] = word
        rest = behind
      default: return nil
      }
    }
    guard rest.withoutBlanks.bytes.isEmpty else { return nil }
  }

  /// The argument of that key; nil when it is not given.
  public subscript(key: WireText) -> Word? { values[key] }

  /// Whether the line continues with this flag, and not with a later one; nil for one that QEMU does not know.
  private static func flag(_ rest: Word, _ type: WireText, later: ArraySlice<WireText>) -> Bool? {
    guard rest.bytes.count > 1 else { return nil }
    if rest.bytes[1] == type.bytes.dropFirst().first { return true }
    let isLater = later.contains { $0.contains(WireText(bytes: [UInt8(ascii: "-"), rest.bytes[1]])) }
    return isLater ? false : nil
  }
}

extension Word {
  /// The text without the blanks before it.
  public var withoutBlanks: Word {
    part(bytes.count - bytes.drop { HMPCommand.isBlank($0) }.count..<bytes.count)
  }

  /// The first word, in quotes or up to a blank, and the text behind it (QEMU monitor/hmp.c: get_str). Nil when there is
  /// none, its quotes are not closed, or it is longer than QEMU's buffer, which would cut it.
  public var hmpWord: (word: Word, behind: Word)? {
    guard let first = bytes.first else { return nil }
    guard first == UInt8(ascii: "\"") else {
      let count = bytes.prefix { !HMPCommand.isBlank($0) }.count
      guard count < HMPCommand.bufferSize else { return nil }
      return (part(0..<count), part(count..<bytes.count))
    }
    var text: [UInt8] = []
    var offsets: [Int] = []
    var at = 1
    while at < bytes.count, bytes[at] != UInt8(ascii: "\"") {
      var byte = bytes[at]
      offsets.append(range(of: at..<at + 1).lowerBound)
      if byte == UInt8(ascii: "\\") {
        guard at + 1 < bytes.count else { return nil }
        at += 1
        switch bytes[at] {
        case UInt8(ascii: "n"): byte = 0x0a
        case UInt8(ascii: "r"): byte = 0x0d
        case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): byte = bytes[at]
        default: return nil
        }
      }
      text.append(byte)
      at += 1
    }
    guard at < bytes.count, text.count < HMPCommand.bufferSize else { return nil }
    return (Word(bytes: text, offsets: offsets, end: range(of: at..<at).lowerBound), part(at + 1..<bytes.count))
  }
}
