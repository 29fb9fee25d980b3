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
  ///   - program: path of the program.
  init?(_ error: String, parts: [[String]], program: String) {
    let lines = error.split(whereSeparator: \.isNewline).map(String.init)
    guard let last = lines.lastIndex(where: { QEMUMessage.isError($0, of: program) }) else { return nil }
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
    let last = QEMUMessage.lastLine(of: error) ?? "no message"
    let isNamed = QEMUMessage.name(in: last) != nil
    text = isNamed ? String(last[last.index(after: last.firstIndex(of: ":") ?? last.startIndex)...].dropFirst()) : last
    part = nil
  }

  /// The last line that is not a warning.
  static func lastLine(of error: String) -> String? {
    error.split(whereSeparator: \.isNewline).map(String.init).last { !isRemark($0) }
  }

  /// Texts about something that an earlier option has.
  private static let conflicts = ["in use", "uplicate", "already", "not available", "no slot", " exists"]

  /// Whether a line begins with QEMU's name, and is not a warning. QEMU's name has no folder (QEMU util/qemu-error.c: error_init), as
  /// that of a shell which reads a script around QEMU; such scripts start other programs too.
  private static func isError(_ line: String, of program: String) -> Bool {
    guard let name = name(in: line), !name.contains("/") else { return false }
    return name.contains("qemu") || name.contains("kvm") || program.split(separator: "/").last == name
  }

  /// The program's name before a message; nil for a line without one, and for a warning.
  private static func name(in line: String) -> Substring? {
    guard let colon = line.firstIndex(of: ":"), line[..<colon].allSatisfy({ !$0.isWhitespace }) else { return nil }
    return line[line.index(after: colon)...].hasPrefix(" ") && !isRemark(line) ? line[..<colon] : nil
  }

  private static func isRemark(_ line: String) -> Bool {
    [": warning: ", ": info: ", ": invalid accelerator ", ": falling back to "].contains(where: line.contains)
  }
}

/// Refusals about what a replaced part has from the definition.
extension RehearsalTrial {
  /// Whether a refusal is about an id, which a replaced part has from the definition.
  static func isAboutNames(_ text: String) -> Bool {
    [
      "expects an identifier", "uplicate", "already defined", "Parameter 'id' is missing", "no id specified", "Invalid node-name: ",
    ].contains(where: text.contains)
  }

  /// Whether a refusal is about a property that a replaced object or character device has from the definition (QEMU
  /// qapi/qobject-input-visitor.c, util/qemu-option.c).
  static func isAboutProperties(_ text: String, of part: RehearsalPlan.Part?) -> Bool {
    if part?.arguments.first == "-chardev" { return text.hasPrefix("Invalid parameter '") }
    return part?.arguments.first == "-object" && ["Invalid parameter '", "Parameter '"].contains(where: text.hasPrefix)
      && !["'qom-type'", "'share'", "'reserve'"].contains(where: text.contains)
  }

  /// Whether a refusal is about another text that a replaced part has from the definition: the place of a drive, the address and the
  /// number of network cards, the bus of a device (QEMU blockdev.c: drive_new, net/net.c: net_init_nic, system/qdev-monitor.c: qbus_find).
  static func isAboutPlaces(_ text: String) -> Bool {
    [
      "unsupported bus type", "machine type does not support if=", " too big (max is ", "(index=", "oo many NICs",
      "invalid syntax for ethernet address", "too many parallel ports", "Parameter 'model' is missing",
      "Usage: -virtfs", " bus found for device '",
    ].contains(where: text.contains) || text.hasPrefix("Bus '") && text.contains("' not found")
  }
}
