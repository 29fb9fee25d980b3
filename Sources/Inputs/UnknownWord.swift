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

  /// The text behind a dash of word processors, or behind a character without width and a dash, at the beginning of the word; nil
  /// for any other word.
  var dash: String? {
    let dashes: Set<UInt32> = [0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2015, 0x2212, 0xfe58, 0xfe63, 0xff0d]
    let withoutWidth: Set<UInt32> = [0x200b, 0x200c, 0x200d, 0x2060, 0xfeff]
    let scalars = text.unicodeScalars.drop { withoutWidth.contains($0.value) }
    let isHidden = scalars.first == "-" && scalars.count < text.unicodeScalars.count
    guard let first = scalars.first, isHidden || dashes.contains(first.value) else { return nil }
    return String(String.UnicodeScalarView(scalars.dropFirst()))
  }
}
