/// A team's decisions about findings: those it accepts and why, and the severity of rules. Inputs reads it from
/// `.vfiogate.conf`, Rules applies it.
///
/// A front end only sets `LintTarget.policy`: the findings that are allowed move to `RuleRunner.suppressed`, the
/// verdict says that it is by policy, and what is wrong with the policy itself is a finding.
public struct Policy: Sendable {
  /// `[allow "RULE"]`, `[guest "GLOB"]`, or a comment in a definition.
  public struct Allowance: Hashable, Sendable {
    /// The name of the rule whose findings are allowed.
    public var rule: String
    /// The reason that the author gave; never empty.
    public var reason: String
    /// The last day on which it holds; nil is unlimited.
    public var until: Day?
    /// The names of the guests that it applies to; nil is all guests, also those without a name.
    public var guest: Glob?
    /// The part of the definition that it applies to, in bytes; nil is all of it. Only comments have one.
    public var scope: Range<Int>?
    /// Location of the section or the comment.
    public let location: Location

    /// Creates an allowance; without `guest` and `scope` it applies to every definition.
    public init(
      rule: String, reason: String, until: Day? = nil, guest: Glob? = nil, scope: Range<Int>? = nil,
      location: Location
    ) {
      self.rule = rule
      self.reason = reason
      self.until = until
      self.guest = guest
      self.scope = scope
      self.location = location
    }
  }

  /// `[severity "RULE"]`.
  public struct Override: Hashable, Sendable {
    /// The severities that a policy can set.
    public enum Level: String, Sendable, CaseIterable { case note, warning, error }

    /// The name of the rule.
    public let rule: String
    /// The severity of its findings.
    public let level: Level
    /// Location of the section.
    public let location: Location

    /// Creates an override for all findings of `rule`.
    public init(rule: String, level: Level, location: Location) {
      self.rule = rule
      self.level = level
      self.location = location
    }
  }

  /// `[host "GLOB"]`: the host of the definitions with these file names.
  public struct HostRecording: Hashable, Sendable {
    /// The file names, without their folders.
    public let definitions: Glob
    /// A path, `live` or `none`; a relative path begins at the policy's folder.
    public let host: String
    /// Location of the section.
    public let location: Location

    /// Creates an entry that names the host of `definitions`.
    public init(definitions: Glob, host: String, location: Location) {
      self.definitions = definitions
      self.host = host
      self.location = location
    }
  }

  /// `[device "ADDRESS"]`, or a comment `vfiogate: expect=ID` in a definition: the device that is expected.
  public struct Pin: Hashable, Sendable {
    /// The host function; nil for a comment, which is about the devices in its scope.
    public let address: PCIAddress?
    /// The vendor and device id that it must have.
    public let id: PCIID
    /// The part of the definition that a comment applies to, in bytes; nil is all of it.
    public let scope: Range<Int>?
    /// Location of the section or the comment.
    public let location: Location

    /// Creates a pin; without `address` and `scope` it applies to the whole definition.
    public init(address: PCIAddress?, id: PCIID, scope: Range<Int>? = nil, location: Location) {
      self.address = address
      self.id = id
      self.scope = scope
      self.location = location
    }
  }

  /// Expected devices, in the order of the file, then those of comments.
  public var pins: [Pin] = []
  /// Allowed findings, in the order of the file, then those of comments.
  public var allowances: [Allowance] = []
  /// Changed severities, in the order of the file; the last one for a rule counts.
  public var overrides: [Override] = []
  /// Hosts of definitions, in the order of the file; the last match counts.
  public var hosts: [HostRecording] = []
  /// The day that `until` is compared with.
  public var today: Day
  /// Whether problems of the policy itself have been reported with another definition of the run.
  public var suppressPolicyFindings = false

  /// Creates a policy without any decision.
  public init(today: Day) { self.today = today }

  /// The policy without any decision.
  public static let none = Policy(today: Day(year: 0, month: 1, day: 1))

  /// The host of a definition, by the last `[host]` that matches.
  /// - Parameter name: the definition's file name, without its folder.
  public func host(of name: String) -> HostRecording? { hosts.last { $0.definitions.matches(name) } }
}

/// A date of the Gregorian calendar.
public struct Day: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// Year of the Gregorian calendar, 0 to 9999 when parsed.
  public let year: Int
  /// 1 to 12.
  public let month: Int
  /// 1 to 31.
  public let day: Int

  /// Creates a date without checking that it exists.
  public init(year: Int, month: Int, day: Int) {
    self.year = year
    self.month = month
    self.day = day
  }

  /// Parses `2027-01-01`, and no other format (ISO 8601-1 §5.2.2, extended format); nil for a date that does not exist.
  public init?(_ text: String) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.map(\.utf8.count) == [4, 2, 2], text.utf8.allSatisfy({ $0 == 0x2d || (0x30...0x39).contains($0) }),
      let year = Int(parts[0]), let month = Int(parts[1]), let day = Int(parts[2]), (1...12).contains(month)
    else { return nil }
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    let days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    guard (1...days[month - 1]).contains(day) else { return nil }
    self.init(year: year, month: month, day: day)
  }

  public static func < (a: Day, b: Day) -> Bool { (a.year, a.month, a.day) < (b.year, b.month, b.day) }

  public var description: String {
    func padded(_ number: Int, _ width: Int) -> String {
      let text = String(number)
      return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
    }
    return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
  }
}

/// A pattern for whole names: `*` is any text, `?` any one byte, everything else itself.
public struct Glob: Hashable, Sendable {
  /// The pattern as written.
  public let text: String

  /// Creates a pattern; every text is one.
  public init(_ text: String) { self.text = text }

  /// Whether the whole name matches, byte by byte.
  public func matches(_ name: String) -> Bool {
    let pattern = Array(text.utf8)
    let name = Array(name.utf8)
    var (at, from) = (0, 0)
    // The position to continue from when the text after the last `*` does not match.
    var star: (at: Int, from: Int)?
    while from < name.count {
      if at < pattern.count, pattern[at] == UInt8(ascii: "*") {
        star = (at, from)
        at += 1
      } else if at < pattern.count, pattern[at] == UInt8(ascii: "?") || pattern[at] == name[from] {
        at += 1
        from += 1
      } else if let last = star {
        star = (last.at, last.from + 1)
        at = last.at + 1
        from = last.from + 1
      } else {
        return false
      }
    }
    return pattern[at...].allSatisfy { $0 == UInt8(ascii: "*") }
  }
}
