/// What a team has decided about findings: which it accepts and why, and how bad it takes a rule to
/// be. A value; who applies it is the judgement (Rules), who reads it from `.vfiogate.conf` is Inputs.
///
/// A front end sets `LintTarget.policy`, or gives it to whatever makes the definition, and everything
/// else follows: the findings that are allowed move to `RuleRunner.suppressed`, the verdict says that
/// it is by policy, and what is wrong with the policy itself is a finding.
public struct Policy: Sendable {
  /// `[allow "RULE"]`, `[guest "GLOB"]`, or a comment in a definition.
  public struct Allowance: Hashable, Sendable {
    public var rule: String
    public var reason: String
    /// The last day on which it holds; nil for ever.
    public var until: Day?
    /// The guests that it is about; nil is all.
    public var guest: Glob?
    /// The part of the definition that it is about, in bytes; nil is all of it. Of comments only.
    public var scope: Range<Int>?
    public let location: Location

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
    public enum Level: String, Sendable, CaseIterable { case note, warning, error }

    public let rule: String
    public let level: Level
    public let location: Location

    public init(rule: String, level: Level, location: Location) {
      self.rule = rule
      self.level = level
      self.location = location
    }
  }

  /// `[host "GLOB"]`: the host that definitions of these file names are for.
  public struct HostRecording: Hashable, Sendable {
    public let definitions: Glob
    /// A path, `live` or `none`; a relative path begins at the policy's folder.
    public let host: String
    public let location: Location

    public init(definitions: Glob, host: String, location: Location) {
      self.definitions = definitions
      self.host = host
      self.location = location
    }
  }

  public var allowances: [Allowance] = []
  public var overrides: [Override] = []
  public var hosts: [HostRecording] = []
  /// The day that `until` is compared with.
  public var today: Day
  /// What is wrong with the policy itself was reported with another definition of the run.
  public var suppressPolicyFindings = false

  public init(today: Day) { self.today = today }

  /// Nothing is decided.
  public static let none = Policy(today: Day(year: 0, month: 1, day: 1))

  /// The host of a definition: what the last `[host]` that matches says.
  /// - Parameter name: the definition's file name, without its folder.
  public func host(of name: String) -> HostRecording? { hosts.last { $0.definitions.matches(name) } }
}

/// A date of the Gregorian calendar.
public struct Day: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let year: Int
  public let month: Int
  public let day: Int

  public init(year: Int, month: Int, day: Int) {
    self.year = year
    self.month = month
    self.day = day
  }

  /// `2027-01-01`, and nothing else (ISO 8601-1 §5.2.2, extended format).
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
  public let text: String

  public init(_ text: String) { self.text = text }

  public func matches(_ name: String) -> Bool {
    let pattern = Array(text.utf8)
    let name = Array(name.utf8)
    var (at, from) = (0, 0)
    // Where to go on when what follows the last `*` does not match.
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
