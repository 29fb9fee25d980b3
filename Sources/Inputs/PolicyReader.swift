import Facts
import Syntax

/// The reason why a policy cannot be used. No part of it is used then: a part could allow more than its author decided.
public struct PolicyError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The policy's path, with the line where there is one.
  public let place: String
  /// The error.
  public let reason: String

  /// Creates an error at a location.
  public init(place: String, reason: String) {
    self.place = place
    self.reason = reason
  }

  public var description: String { "\(place): \(reason)" }
}

extension Policy {
  /// Reads a policy.
  /// - Parameter today: the day that `until` is compared with.
  /// - Throws: what is wrong with it, and where: a policy is taken whole or not at all. A rule that
  ///   does not exist is not wrong here; that is a finding.
  public static func parse(_ source: SourceText, today: Day) throws(PolicyError) -> Policy {
    let text = IniText(source.bytes)
    if let problem = text.problems.first { throw source.policyError(problem.message, problem.range) }
    var policy = Policy(today: today)
    for section in text.sections { try PolicySection(section, source).read(into: &policy) }
    return policy
  }
}

/// One section of a policy, with the text that it is from.
private struct PolicySection {
  let section: IniText.Section
  let source: SourceText
  let id: String

  init(_ section: IniText.Section, _ source: SourceText) throws(PolicyError) {
    self.section = section
    self.source = source
    guard let id = section.id, !id.isEmpty else {
      let words = section.name.split(separator: " ", maxSplits: 1)
      // `[allow RULE]`: the name is there, and the quotes are missing.
      let (kind, name) = words.count == 2 ? (words[0], words[1]) : (section.name[...], "…")
      throw source.policyError("section `\(section.name)` names nothing: write `[\(kind) \"\(name)\"]`", section.range)
    }
    self.id = id
  }

  private var location: Location {
    Location(source: source.name, range: section.range, path: "\(section.name) \"\(id)\"")
  }

  func read(into policy: inout Policy) throws(PolicyError) {
    switch section.name {
    case "allow":
      try expect(["reason", "until"])
      policy.allowances.append(try allowance(of: id, guest: nil))
    case "guest":
      try expect(["allow", "reason", "until"])
      let rules = try required("allow").value.split { $0 == "," || $0 == " " }
      guard !rules.isEmpty else { throw source.policyError("`allow` names no rule", section.range) }
      for rule in rules { policy.allowances.append(try allowance(of: String(rule), guest: Glob(id))) }
    case "severity":
      try expect(["level"])
      let entry = try required("level")
      guard let level = Policy.Override.Level(rawValue: entry.value) else {
        let hint = Misspelling.hint(entry.value, among: ["note", "warning", "error"])
        throw source.policyError("`\(entry.value)` is not a level: use note, warning or error\(hint)", entry.range)
      }
      policy.overrides.append(Policy.Override(rule: id, level: level, location: location))
    case "host":
      try expect(["recording"])
      policy.hosts.append(
        Policy.HostRecording(definitions: Glob(id), host: try path(required("recording").value), location: location))
    case "device":
      try expect(["id"])
      guard let address = PCIAddress(id) else {
        throw source.policyError(PCIAddress.complaint(about: id), section.range)
      }
      let entry = try required("id")
      guard let expected = PCIID(entry.value) else {
        throw source.policyError("`\(entry.value)` is not a vendor and device id: write it like 10de:2941", entry.range)
      }
      policy.pins.append(Policy.Pin(address: address, id: expected, location: location))
    default:
      throw source.policyError(
        "there is no section `\(section.name)`: it is allow, guest, severity, host or device"
          + Misspelling.hint(section.name, among: ["allow", "guest", "severity", "host", "device"]), section.range)
    }
  }

  private func allowance(of rule: String, guest: Glob?) throws(PolicyError) -> Policy.Allowance {
    let reason = try required("reason").value
    guard reason.contains(where: { $0 != " " }) else { throw source.policyError("the reason is empty", section.range) }
    var until: Day?
    if let entry = section.entry("until") {
      guard let day = Day(entry.value) else {
        throw source.policyError("`\(entry.value)` is not a date: write it like 2027-01-01", entry.range)
      }
      until = day
    }
    return Policy.Allowance(rule: rule, reason: reason, until: until, guest: guest, location: location)
  }

  /// A relative path begins where the policy is.
  private func path(_ text: String) -> String {
    if text == "live" || text == "none" || text.hasPrefix("/") { return text }
    guard let slash = source.name.lastIndex(of: "/") else { return text }
    return source.name[...slash] + text
  }

  private func required(_ key: String) throws(PolicyError) -> IniText.Entry {
    if let entry = section.entry(key) { return entry }
    throw source.policyError("`[\(section.name) \"\(id)\"]` has no `\(key)`", section.range)
  }

  private func expect(_ keys: Set<String>) throws(PolicyError) {
    var seen: Set<String> = []
    for entry in section.entries {
      guard keys.contains(entry.key) else {
        throw source.policyError(
          "`\(section.name)` has no `\(entry.key)`: \(keys.sorted().joined(separator: ", "))\(Misspelling.hint(entry.key, among: keys))",
          entry.range)
      }
      guard seen.insert(entry.key).inserted else {
        throw source.policyError("`\(entry.key)` is given twice", entry.range)
      }
      guard entry.isQuoted else { throw source.policyError("the value of `\(entry.key)` has no quotes", entry.range) }
    }
  }
}

extension SourceText {
  fileprivate func policyError(_ reason: String, _ range: Range<Int>) -> PolicyError {
    let place = position(of: range.lowerBound)
    return PolicyError(place: "\(name):\(place.line):\(place.column)", reason: reason)
  }
}
