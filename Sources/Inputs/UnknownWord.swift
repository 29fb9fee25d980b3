import Syntax

extension Word {
  /// Whether a shell or another program fills in a value of the word.
  /// - Parameter isStream: the word is of commands to a monitor, in which nothing else has a `$`.
  func leavesOpen(_ value: String, isStream: Bool) -> Bool {
    let isShells = (hasUnknown || isStream) && value.utf8.contains { $0 == UInt8(ascii: "$") || $0 == UInt8(ascii: "`") }
    return isShells || TemplatePlaceholder.isIn(value)
  }

  /// Whether another program fills in an option for the memory or the processors. Of other options such a value is not read.
  func isOpen(of option: String) -> Bool {
    switch option {
    case "cpu":
      return text.split(separator: ",").contains { item in
        item.split(separator: "=", maxSplits: 1).contains { TemplatePlaceholder.isIn(String($0.drop { $0 == "+" || $0 == "-" })) }
      }
    case "m", "smp":
      return KeyValueText(bytes, implied: "").items.contains { $0.value.hasPrefix("%d") || TemplatePlaceholder.isIn($0.value) }
    default: return false
    }
  }

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

  /// The text behind a dash of word processors, or behind a blank of another kind or a character that is not shown and a dash, at
  /// the beginning of the word; nil for any other word.
  var dash: String? {
    guard bytes.first.map({ $0 >= 0x80 }) == true else { return nil }
    let scalars = text.unicodeScalars.drop { scalar in
      let properties = scalar.properties
      return properties.isWhitespace || properties.isDefaultIgnorableCodePoint || properties.generalCategory == .format
    }
    // The minus sign is a symbol of mathematics.
    guard let first = scalars.first, first.properties.generalCategory == .dashPunctuation || first == "\u{2212}" else { return nil }
    return String(String.UnicodeScalarView(scalars.dropFirst()))
  }
}
