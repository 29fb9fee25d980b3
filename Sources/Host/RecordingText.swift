import Facts

/// The format of one kind of value in a recording.
struct RecordingText<Value: Sendable>: Sendable {
  /// The expected format, for messages: "an address such as 0000:01:00.0".
  let expected: String
  let write: @Sendable (Value) -> String
  /// Parses a value. Nil when the text has another format.
  let read: @Sendable (String) -> Value?
}

extension RecordingText where Value: FixedWidthInteger {
  /// `0x10de`, padded to `digits`.
  static func hexadecimal(digits: Int) -> RecordingText {
    RecordingText(
      expected: "a hexadecimal number such as 0x\(String(repeating: "0", count: max(0, digits - 2)))1f",
      write: { hexadecimalText($0, digits: digits) },
      read: { $0.hasPrefix("0x") ? number($0) : nil })
  }

  static var decimal: RecordingText {
    RecordingText(expected: "a decimal number", write: { "\($0)" }, read: { $0.hasPrefix("0x") ? nil : number($0) })
  }
}

extension RecordingText where Value == String {
  /// The rest of the line. Empty text is `none`.
  static let text = RecordingText(
    expected: "text", write: { escaped($0, keepSpaces: true) }, read: { unescaped($0) })
  /// One word.
  static let word = RecordingText(
    expected: "a word", write: { escaped($0, keepSpaces: false) },
    read: { $0.contains(" ") ? nil : unescaped($0) })
}

extension RecordingText {
  /// `none` for nil.
  var orNone: RecordingText<Value?> {
    RecordingText<Value?>(
      expected: expected + ", or `none`", write: { [write] in $0.map(write) ?? "none" },
      read: { [read] text in text == "none" ? .some(nil) : read(text).map { .some($0) } })
  }

  /// Several on one line, so that losing the line loses the whole list; `none` for an empty list.
  func list(separator: String = " ") -> RecordingText<[Value]> {
    RecordingText<[Value]>(
      expected: "\(expected), several, or `none`",
      write: { [write] in $0.isEmpty ? "none" : $0.map(write).joined(separator: separator) },
      read: { [read] text in
        if text == "none" { return [] }
        var values: [Value] = []
        for part in pieces(text, separator) {
          guard let value = read(part) else { return nil }
          values.append(value)
        }
        return values
      })
  }

  func mapped<T: Sendable>(
    _ to: @escaping @Sendable (T) -> Value, _ from: @escaping @Sendable (Value) -> T?
  ) -> RecordingText<T> {
    RecordingText<T>(
      expected: expected, write: { [write] in write(to($0)) }, read: { [read] in read($0).flatMap(from) })
  }

  /// One of a few words.
  static func oneOf(_ words: [(String, Value)]) -> RecordingText where Value: Equatable {
    RecordingText(
      expected: words.map { "`\($0.0)`" }.joined(separator: " or "),
      write: { value in words.first { $0.1 == value }?.0 ?? "?" },
      read: { text in words.first { $0.0 == text }?.1 })
  }
}

extension RecordingText where Value == PCIAddress {
  static let address = RecordingText(
    expected: "an address such as 0000:01:00.0", write: { $0.description }, read: { PCIAddress($0) })
}

extension RecordingText where Value == NodeAccess {
  static let access = oneOf([
    ("accessible", NodeAccess.accessible), ("denied", .denied), ("absent", .absent),
  ])
}

extension RecordingText where Value == ProcessReference {
  /// `1234:cdev:qemu-system-x86`
  static let process = RecordingText(
    expected: "a process and the node that it holds, such as 1234:cdev:qemu",
    write: { "\($0.pid):\($0.node.rawValue):\(escaped($0.name, keepSpaces: false))" },
    read: { text in
      let parts = text.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3, let pid: Int = number(parts[0]), pid > 0,
        let node = ProcessReference.Node(rawValue: String(parts[1])), let name = unescaped(String(parts[2]))
      else { return nil }
      return ProcessReference(pid: pid, name: name, node: node)
    })
}

extension RecordingText where Value == HostUse {
  /// `mount:nvme0n1p2:/boot`
  static let hostUse = RecordingText(
    expected: "a use and the device that it is of, such as mount:nvme0n1p2:/boot",
    write: { use in
      let detail = use.detail.isEmpty ? "" : ":" + escaped(use.detail, keepSpaces: false)
      return "\(use.kind.rawValue):\(escaped(use.device, keepSpaces: false))\(detail)"
    },
    read: { text in
      let parts = text.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
      guard parts.count >= 2, let kind = HostUse.Kind(rawValue: parts[0]), let device = unescaped(parts[1]),
        !device.isEmpty, let detail = parts.count == 2 ? "" : unescaped(parts[2])
      else { return nil }
      return HostUse(kind, device, detail)
    })
}

func hexadecimalText(_ value: some BinaryInteger, digits: Int) -> String {
  "0x" + value.hexadecimal(digits: digits)
}

private func pieces(_ text: String, _ separator: String) -> [String] {
  guard separator != " " else { return text.split(separator: " ").map(String.init) }
  var pieces: [[UInt8]] = [[]]
  var rest = Array(text.utf8)[...]
  while let byte = rest.first {
    if rest.starts(with: separator.utf8) {
      pieces.append([])
      rest = rest.dropFirst(separator.utf8.count)
    } else {
      pieces[pieces.count - 1].append(byte)
      rest = rest.dropFirst()
    }
  }
  return pieces.map { String(decoding: $0, as: UTF8.self) }
}

/// Control characters, backslashes and, in words, spaces and commas become `\xNN`, so that a value
/// never spills into another or over the line. The words with a meaning, `none` and `?`, lose
/// their first letter to an escape when they are a value.
private func escaped(_ text: String, keepSpaces: Bool) -> String {
  if text.isEmpty { return "none" }
  let bytes = Array(text.utf8)
  let special = text == "none" || bytes[0] == UInt8(ascii: "?")
  var output: [UInt8] = []
  for (index, byte) in bytes.enumerated() {
    let isInner = index > 0 && index < bytes.count - 1
    let isSpace = byte == 0x20 && !(keepSpaces && isInner)
    let isControl = byte < 0x20 || byte == 0x7f || byte == UInt8(ascii: "\\")
    let isComma = byte == UInt8(ascii: ",") && !keepSpaces
    if isControl || isSpace || isComma || (special && index == 0) {
      output += "\\x".utf8
      output += hexadecimalText(byte, digits: 2).utf8.dropFirst(2)
    } else {
      output.append(byte)
    }
  }
  return String(decoding: output, as: UTF8.self)
}

/// The text before `escaped`, nil for a backslash that begins no `\xNN`.
private func unescaped(_ text: String) -> String? {
  if text == "none" { return "" }
  guard text.utf8.contains(UInt8(ascii: "\\")) else { return text }
  var output: [UInt8] = []
  var rest = Array(text.utf8)[...]
  while let byte = rest.popFirst() {
    guard byte == UInt8(ascii: "\\") else { output.append(byte); continue }
    guard rest.count >= 3, rest.popFirst() == UInt8(ascii: "x"), let high = rest.popFirst(),
      let low = rest.popFirst(), let value = hexadecimalByte(high, low)
    else { return nil }
    output.append(value)
  }
  return String(decoding: output, as: UTF8.self)
}

/// Two hexadecimal digits, nil when they are not.
func hexadecimalByte(_ high: UInt8, _ low: UInt8) -> UInt8? {
  guard let high = high.hexDigitValue, let low = low.hexDigitValue else { return nil }
  return high << 4 | low
}
