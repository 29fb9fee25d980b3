import Facts

/// The last message of a QEMU that stopped (QEMU util/error-report.c: error_vreport).
struct QEMUMessage: Equatable {
  /// The text without the program's name and the option that it names; several lines where QEMU printed hints.
  let text: String
  /// Index of the part that it names; nil when it names none.
  let part: Int?

  /// - Parameters:
  ///   - error: standard error.
  ///   - parts: the options, as QEMU got them.
  init?(_ error: String, parts: [[String]]) {
    let lines = error.split(whereSeparator: \.isNewline).map(String.init)
    guard let last = lines.lastIndex(where: QEMUMessage.isError) else { return nil }
    var first = lines[last]
    if let colon = first.firstIndex(of: ":") { first = String(first[first.index(after: colon)...].dropFirst()) }
    var found: (indices: [Int], length: Int) = ([], 0)
    for (index, part) in parts.enumerated() {
      // An option that it does not have is named without its argument.
      for prefix in [part.joined(separator: " ") + ": ", (part.first ?? "") + ": "]
      where first.hasPrefix(prefix) && prefix.count >= found.length {
        found = (prefix.count == found.length ? found.indices + [index] : [index], prefix.count)
      }
    }
    first = String(first.dropFirst(found.length))
    let hints = lines[(last + 1)...].filter { !QEMUMessage.isRemark($0) }
    text = ([first] + hints).joined(separator: "\n")
    // The second of two equal options is the one that meets another.
    let isConflict = QEMUMessage.conflicts.contains(where: first.contains)
    part = isConflict ? found.indices.dropFirst().first ?? found.indices.first : found.indices.first
  }

  /// The last line of a QEMU that exits while it serves: not all that it prints then begins with its name.
  init(endingWith error: String) {
    let lines = error.split(whereSeparator: \.isNewline).map(String.init).filter { !QEMUMessage.isRemark($0) }
    let last = lines.last ?? "no message"
    let isNamed = QEMUMessage.isError(last)
    text = isNamed ? String(last[last.index(after: last.firstIndex(of: ":") ?? last.startIndex)...].dropFirst()) : last
    part = nil
  }

  /// Texts about something that an earlier option has.
  private static let conflicts = ["in use", "uplicate", "already", "not available", "no slot", " exists"]

  /// A line that begins with the program's name, and is not a warning.
  private static func isError(_ line: String) -> Bool {
    guard let colon = line.firstIndex(of: ":"), line[..<colon].allSatisfy({ !$0.isWhitespace }) else { return false }
    let rest = line[line.index(after: colon)...]
    return rest.hasPrefix(" ") && !isRemark(line)
  }

  private static func isRemark(_ line: String) -> Bool {
    [": warning: ", ": info: ", ": invalid accelerator ", ": falling back to "].contains(where: line.contains)
  }
}
