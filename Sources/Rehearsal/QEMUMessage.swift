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
    var found: (index: Int, length: Int)?
    for (index, part) in parts.enumerated() {
      // An option that it does not have is named without its argument.
      for prefix in [part.joined(separator: " ") + ": ", (part.first ?? "") + ": "]
      where first.hasPrefix(prefix) && prefix.count > found?.length ?? 0 { found = (index, prefix.count) }
    }
    if let found { first = String(first.dropFirst(found.length)) }
    let hints = lines[(last + 1)...].filter { !QEMUMessage.isRemark($0) }
    text = ([first] + hints).joined(separator: "\n")
    part = found?.index
  }

  /// The last line of a QEMU that exits while it serves: not all that it prints then begins with its name.
  init(endingWith error: String) {
    let lines = error.split(whereSeparator: \.isNewline).map(String.init).filter { !QEMUMessage.isRemark($0) }
    let last = lines.last ?? "no message"
    let isNamed = QEMUMessage.isError(last)
    text = isNamed ? String(last[last.index(after: last.firstIndex(of: ":") ?? last.startIndex)...].dropFirst()) : last
    part = nil
  }

  /// A line that begins with the program's name, and is not a warning.
  private static func isError(_ line: String) -> Bool {
    guard let colon = line.firstIndex(of: ":"), line[..<colon].allSatisfy({ !$0.isWhitespace }) else { return false }
    let rest = line[line.index(after: colon)...]
    return rest.hasPrefix(" ") && !isRemark(line)
  }

  private static func isRemark(_ line: String) -> Bool {
    [": warning: ", ": info: ", ": invalid accelerator qtest", ": falling back to "].contains(where: line.contains)
  }

  /// Whether a refusal may be about the rehearsal's own accelerator, processor, memory or backends.
  /// - Parameters:
  ///   - asksForKVM: whether the definition does. Distributions' machine types have the host's width of addresses there.
  ///   - isLimited: whether the QEMU may not use all memory that the host has.
  func mayBeOurs(asksForKVM: Bool, isLimited: Bool = true) -> Bool {
    let text = text.lowercased()
    if asksForKVM, text.contains("phys-bits") { return true }
    let words = ["kvm", "irqchip", "interrupt controller", "x2apic", "hyperv", "accel", "tcg", "vfiogate-", "null-co", "hubport"]
    return (isLimited ? words + ["allocate memory", "failed to allocate"] : words).contains(where: text.contains)
  }
}
