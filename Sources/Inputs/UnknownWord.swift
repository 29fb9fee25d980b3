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
}
