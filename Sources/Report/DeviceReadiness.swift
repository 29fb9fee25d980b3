import Facts
import Rules
import Syntax

/// The verdict on one device of a host, without any definition.
public struct DeviceReadiness: Sendable {
  /// The kinds of verdict.
  public enum Verdict: String, Sendable {
    /// A guest can have it, once the steps are done.
    case yes
    /// Something prevents it that no setting of the host changes.
    case no
    /// A fact is missing.
    case unknown
  }

  /// The device.
  public let address: PCIAddress?
  /// The functions that must go to the same guest.
  public let companions: [PCIAddress]
  /// The verdict on the device together with its companions.
  public let verdict: Verdict
  /// The findings that prevent it.
  public let reasons: [Finding]
  /// Findings that a setting of the host removes, in the order in which they are to be done.
  public let steps: [Finding]
  /// Findings of lower severity.
  public let notes: [Finding]
  /// The missing facts.
  public let unknowns: [Unknown]

  /// Creates a verdict.
  public init(
    address: PCIAddress?, companions: [PCIAddress], verdict: Verdict, reasons: [Finding], steps: [Finding],
    notes: [Finding], unknowns: [Unknown]
  ) {
    self.address = address
    self.companions = companions
    self.verdict = verdict
    self.reasons = reasons
    self.steps = steps
    self.notes = notes
    self.unknowns = unknowns
  }

  /// A verdict that rests on one unknown fact.
  public init(_ address: PCIAddress?, unknown: Unknown) {
    self.init(
      address: address, companions: [], verdict: .unknown, reasons: [], steps: [], notes: [], unknowns: [unknown])
  }

  fileprivate var remedies: Set<Unknown.Remedy> { Set(unknowns.compactMap(\.remedy)) }

  /// The missing facts, one a line, and below them what determines them, where anything does.
  /// - Parameter isLive: the host is the one that the program runs on.
  public func missing(isLive: Bool) -> [String] {
    unknowns.map { "unknown: \($0)" }
      + (remedies.isEmpty ? [] : MissingFacts.advice(remedies, isLive: isLive).map { "  decided by: \($0)" })
  }

  /// Findings that differ in more than the device: functions of one group often have the same.
  static func distinct(_ findings: [Finding]) -> [Finding] {
    var seen: Set<String> = []
    return findings.filter { finding in
      let device = finding.device?.host?.description
      return seen.insert(device.map { finding.message.replacing($0, with: "") } ?? finding.message).inserted
    }
  }

  /// The advice of findings, each command once.
  static func fixes(_ findings: [Finding]) -> [String] {
    var fixes: [String] = []
    for finding in findings {
      let parts = finding.fix.split(separator: "`", omittingEmptySubsequences: false)
      let commands = parts.indices.filter { $0 % 2 == 1 }.map { "`\(parts[$0])`" }
      let isMissing = commands.isEmpty
        ? !fixes.contains(finding.fix) : commands.contains { command in !fixes.contains { $0.contains(command) } }
      if isMissing { fixes.append(finding.fix) }
    }
    return fixes
  }
}

/// Report of `vfiogate ready`: the host first, then its devices.
public struct ReadyReport: Sendable {
  private let host: Host
  private let devices: [DeviceReadiness]
  private let isNamed: Bool
  private let qemu: QEMUProfile

  /// - Parameters:
  ///   - isNamed: the devices were named, and their findings of lower severity are shown.
  ///   - qemu: the QEMU that the verdicts are for.
  public init(_ host: Host, _ devices: [DeviceReadiness], isNamed: Bool, qemu: QEMUProfile) {
    self.host = host
    self.devices = devices
    self.isNamed = isNamed
    self.qemu = qemu
  }

  /// Text for a terminal.
  public func text(_ style: Style) -> String {
    let middle = devices.isEmpty ? [] : [""] + devices.flatMap { lines($0, style) }
    return (hostLines(style) + middle + closingLines(style)).joined(separator: "\n") + "\n"
  }

  /// Functions that may be missing above, and the QEMU that the verdicts are for.
  private func closingLines(_ style: Style) -> [String] {
    var texts: [String] = []
    if !isNamed, case .unknown(let unknown) = host.addresses { texts.append("other devices: unknown: \(unknown)") }
    if !devices.isEmpty { texts.append(LintSubject(qemu, on: host).text(advising: LintSubject.adviceBesideRehearsal)) }
    return texts.isEmpty ? [] : [""] + texts.flatMap { wrapped(printable($0), width: style.width, indent: 4) }
  }

  private func hostLines(_ style: Style) -> [String] {
    func line(_ head: String, _ text: String) -> [String] { hung(head, printable(text), indent: 6, width: style.width) }
    var lines: [String]
    switch host.guestObstacle {
    case .known(.some(let obstacle)):
      lines = line("host: ", "not ready, because " + obstacle.message) + line("      ", "fix: " + obstacle.fix)
    case .unknown(let unknown): lines = line("host: ", "unknown: \(unknown)")
    case .known(nil):
      let units = (host.iommus.display ?? [:]).keys.sorted().joined(separator: " ")
      let interrupts = host.interruptsIsolated.display == false ? "interrupts not isolated, which `allow_unsafe_interrupts` accepts"
        : "isolated interrupts"
      lines = line("host: ", "ready: IOMMU\(units.isEmpty ? "" : " (\(units))"), VFIO, \(interrupts)")
      switch host.iommufdObstacle {
      case .known(.some(let obstacle)):
        lines += line("      ", "note: " + obstacle.message) + line("      ", "fix: " + obstacle.fix)
      case .unknown(let unknown): lines += line("      ", "note: whether iommufd works is unknown: \(unknown.reason)")
      case .known(nil): break
      }
    }
    return lines
  }

  private func lines(_ device: DeviceReadiness, _ style: Style) -> [String] {
    guard let address = device.address else { return [] }
    let margin = String(repeating: " ", count: 14)
    func line(_ head: String, _ text: String) -> [String] {
      hung(margin + head, printable(text), indent: 14 + head.count, width: style.width)
    }
    // Escape sequences have no columns, and words are not cut.
    var words = printable(device.headline).split(separator: " ").map(String.init)
    words[0] = style.verdict(device.colour, words[0])
    var lines = hung(
      style.bold("\(address)").padded(to: 14), words.joined(separator: " "), indent: 14, width: style.width)
    if let name = host.devices[address].flatMap(HostDetail.name) { lines += line("", name) }
    if device.verdict != .yes, !device.companions.isEmpty { lines += line("", device.together) }
    for reason in DeviceReadiness.distinct(device.reasons).dropFirst() { lines += line("", "and because " + reason.message) }
    for fix in DeviceReadiness.fixes(device.reasons) { lines += line("fix: ", fix) }
    for unknown in device.unknowns.dropFirst().prefix(2) { lines += line("", "and because of \(unknown)") }
    if device.unknowns.count > 3 { lines += line("", "and \(device.unknowns.count - 3) more unknown facts") }
    let advice = device.unknowns.isEmpty ? [] : MissingFacts.advice(device.remedies, isLive: host.source == "live")
    if !advice.isEmpty { lines += line("decided by: ", advice.joined(separator: "; ")) }
    for fix in DeviceReadiness.fixes(device.steps) { lines += line("first: ", fix) }
    for note in DeviceReadiness.distinct(device.notes) {
      lines += line("note: ", note.message)
      if isNamed { lines += line("  fix: ", note.fix) }
    }
    return lines
  }

  /// Object for programs.
  public var json: JSON {
    .object(
      [.init("host", hostJSON), .init("devices", .array(devices.map(deviceJSON)))]
        + LintSubject.members(LintSubject(qemu, on: host)))
  }

  private var hostJSON: JSON {
    var members: [JSON.Member] = [.init("source", .string(host.source))]
    switch host.guestObstacle {
    case .known(let obstacle):
      members.append(.init("verdict", obstacle == nil ? "yes" : "no"))
      members.append(.init("obstacle", ReadyReport.json(obstacle)))
    case .unknown(let unknown):
      members.append(.init("verdict", "unknown"))
      members.append(.init("unknown", ReadyReport.json(unknown)))
    }
    switch host.iommufdObstacle {
    case .known(let obstacle): members.append(.init("iommufd-obstacle", ReadyReport.json(obstacle)))
    case .unknown(let unknown): members.append(.init("iommufd-obstacle", .object([.init("unknown", .string(unknown.reason))])))
    }
    // Functions may be missing from the list of devices.
    members.append(.init("all-devices-known", .bool(host.addresses.isKnown)))
    return .object(members)
  }

  private static func json(_ obstacle: HostObstacle?) -> JSON {
    guard let obstacle else { return .null }
    return .object([
      .init("message", .string(obstacle.message)), .init("fix", .string(obstacle.fix)),
      .init("evidence", .strings(obstacle.evidence)),
    ])
  }

  private static func json(_ unknown: Unknown) -> JSON {
    .object([.init("fact", .string(unknown.fact)), .init("reason", .string(unknown.reason))])
  }

  private static func json(_ finding: Finding) -> JSON {
    .object([
      .init("rule", .string(finding.rule)), .init("severity", .string(finding.severity.rawValue)),
      .init("message", .string(finding.message)), .init("fix", .string(finding.fix)),
      .init("evidence", .strings(finding.evidence)),
    ])
  }

  private func deviceJSON(_ device: DeviceReadiness) -> JSON {
    .object([
      .init("address", device.address.map { .string($0.description) } ?? .null),
      .init("name", device.address.flatMap { host.devices[$0] }.flatMap(HostDetail.name).map(JSON.string) ?? .null),
      .init("verdict", .string(device.verdict.rawValue)),
      .init("only-together-with", .strings(device.companions.map(\.description))),
      .init("reasons", .array(device.reasons.map(ReadyReport.json))), .init("steps", .array(device.steps.map(ReadyReport.json))),
      .init("notes", .array(device.notes.map(ReadyReport.json))),
      .init("unknown", .array(device.unknowns.map { ReadyReport.json($0) })),
    ])
  }
}

extension DeviceReadiness {
  /// The verdict in one line.
  fileprivate var headline: String {
    switch verdict {
    case .yes: return companions.isEmpty ? "yes" : "yes, " + together
    case .no: return "no, because " + (reasons.first?.message ?? "the host is not ready")
    case .unknown: return "unknown" + (unknowns.first.map { ", because of \($0)" } ?? "")
    }
  }

  fileprivate var together: String { "only together with " + companions.map(\.description).joined(separator: ", ") }

  fileprivate var colour: Rules.Verdict {
    switch verdict {
    case .yes: return .safe
    case .no: return .unsafe
    case .unknown: return .undetermined
    }
  }
}
