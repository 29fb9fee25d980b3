import Support

/// Fixtures/rules/RULE.md: the cases of one rule, as a page that can be read and is executed.
///
/// The page has the rule's name as its title, prose, and a section a case. The section's title says
/// what the case shows:
///
/// ```
/// ## reports: what is wrong          the rule has a finding
/// ## silent: what is right           it has none, and nothing is undetermined
/// ## undetermined: what is missing   it could not determine whether it applies
/// ## never in doubt: why             instead of the above, for a rule that needs no facts
/// ## refuses: what is wrong          the proxy refuses the last command of the case
/// ## passes: what is right           it does not
/// ```
///
/// The last two are for rules about commands (`Rule.isAboutCommands`), and have a `qmp` block as `CommandCase` describes
/// it. All others are made of these fenced blocks:
///
/// - `argv`: a QEMU command line; `xml`: a libvirt document; or `qmp`: requests to a running machine, whose command line, if it is
///   known, is in `guest`.
///   A carriage return is written `\u{240d}`.
/// - `running`: what the running QEMU says beside its command line: `migrating yes`, `no` or `unknown`.
/// - `other NAME`: a further definition of the same run.
/// - `host`: lines of a recording. `use FILE` takes those of Fixtures/FILE; `only ADDRESS…` keeps of
///   all functions' lines these; `- TEXT` takes out the lines that begin with TEXT, of which there must
///   be one; every other line is added. Without the block nothing is known about the host.
/// - `rehearsal`: what the QEMU that will run did: `started`, `refused PATH TEXT`, `crashed PATH SIGNAL`, `exited PATH TEXT` or
///   `unknown REASON`.
/// - `files`: lines such as `/srv disk` and `/dev/shm memory`: file systems of a host that is live.
/// - `policy`: what is allowed, on the 15th of June 2026.
/// - `qemu`: `11.1.3` (which is the default), any other release, or `none`.
/// - `expect`: every finding, with place and fix where it is this rule's, what is open for this rule,
///   and the verdict.
///
/// `VFIOGATE_RECORD=1 swift test --filter RulesTests.CaseTests` writes the `expect` blocks anew, and
/// fails, so that recording is not mistaken for testing.
package struct CaseFile {
  package let rule: String
  package let prose: [String]
  package var cases: [RuleCase]

  package static func all() throws -> [CaseFile] { try files.get() }

  private static let files = Result {
    try Fixture.names(in: "rules").filter { $0.hasSuffix(".md") }.map { try CaseFile(rule: String($0.dropLast(3))) }
  }

  /// - Parameter folder: below Fixtures.
  package init(rule: String, in folder: String = "rules") throws {
    self.rule = rule
    var prose: [String] = []
    var cases: [RuleCase] = []
    var block: RuleCase.Block?
    let lines = try Fixture.text("\(folder)/\(rule).md").split(separator: "\n", omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      if var open = block {
        if line == "```" {
          guard !cases.isEmpty else { throw Malformed(rule, index, "a block before the first case") }
          cases[cases.count - 1].blocks.append(open)
          block = nil
        } else {
          open.lines.append(String(line))
          block = open
        }
      } else if line.hasPrefix("```") {
        block = RuleCase.Block(kind: String(line.dropFirst(3)), lines: [], start: index + 1)
      } else if line.hasPrefix("## ") {
        cases.append(try RuleCase(rule: rule, title: String(line.dropFirst(3)), line: index))
      } else if cases.isEmpty {
        prose.append(String(line))
      }
    }
    if block != nil { throw Malformed(rule, lines.count, "a block without an end") }
    self.prose = prose
    self.cases = cases
  }

  struct Malformed: Error, CustomStringConvertible {
    let description: String
    init(_ rule: String, _ line: Int, _ what: String) {
      description = "Fixtures/rules/\(rule).md:\(line + 1): \(what)"
    }
  }
}

/// One case.
package struct RuleCase: CustomStringConvertible {
  package enum Kind: String, CaseIterable {
    case reports = "reports"
    case silent = "silent"
    case undetermined = "undetermined"
    case neverInDoubt = "never in doubt"
    case refuses = "refuses"
    case passes = "passes"
  }

  package struct Block {
    package let kind: String
    package var lines: [String]
    /// The index in the file of its first line.
    package let start: Int
  }

  package let rule: String
  package let kind: Kind
  package let title: String
  package let line: Int
  package var blocks: [Block] = []

  package init(rule: String, title: String, line: Int) throws {
    self.rule = rule
    self.line = line
    let parts = title.split(separator: ":", maxSplits: 1)
    guard parts.count == 2, let kind = Kind(rawValue: String(parts[0])) else {
      throw CaseFile.Malformed(rule, line, "a case's title begins with one of \(Kind.allCases.map(\.rawValue))")
    }
    self.kind = kind
    self.title = title
  }

  package var description: String { "Fixtures/rules/\(rule).md:\(line + 1): \(title)" }

  /// The case with other lines in one of its blocks.
  package func replacing(_ kind: String, with lines: [String]) -> RuleCase {
    var copy = self
    for index in copy.blocks.indices where copy.blocks[index].kind == kind { copy.blocks[index].lines = lines }
    return copy
  }

  package func block(_ kind: String) -> Block? { blocks.first { $0.kind == kind } }

  /// Whether it is about commands to the proxy.
  package var isAboutCommands: Bool { kind == .refuses || kind == .passes }

  /// Whether it has a definition to lint; a case without one is a statement only.
  package var isExecuted: Bool { !isAboutCommands && definition != nil }

  /// The block with the definition.
  var definition: Block? { ["argv", "qmp", "xml", "proxmox", "unit"].lazy.compactMap(block).first }
}

extension RuleCase.Block {
  package init(kind: String, lines: [String]) { self.init(kind: kind, lines: lines, start: 0) }

  /// The lines as a file has them.
  var text: String { lines.joined(separator: "\n").replacing("\u{240d}", with: "\r") + "\n" }
}
