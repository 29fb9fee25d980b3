import Syntax

extension Word {
  /// `$DEVICE`, `"${args[@]}"`, and the output of a command.
  var startsUnknown: Bool {
    hasUnknown && (bytes.first == UInt8(ascii: "$") || bytes.first == UInt8(ascii: "`"))
  }

  /// Whether a shell makes several words of it: `"$@"`, `${images[*]}` (POSIX.1-2024, 2.5.2 Special Parameters).
  var isList: Bool {
    guard hasUnknown else { return false }
    let text = text
    return ["$@", "$*", "${@", "${*", "[@]}", "[*]}"].contains { text.contains($0) } && !text.contains("${#")
  }

  /// The text behind a dash of word processors, U+2010 to U+2015 and U+2212, at the beginning of the word; nil for any other word.
  var dash: String? {
    guard let first = text.unicodeScalars.first, (0x2010...0x2015).contains(first.value) || first.value == 0x2212 else { return nil }
    return String(text.unicodeScalars.dropFirst())
  }
}
