import Common
import Facts
import Inputs
import Prediction
import Report
import Rules
import Syntax

/// `vfiogate lint`: definitions in, findings out.
public struct Lint: Sendable {
  /// Files and directories; `-` is standard input.
  public var files: [String]
  /// Path of the command line of the running guest that hot plugs go into.
  public var guest: String?
  /// The format of the definitions; nil detects it from the content.
  public var input: InputFormat?
  /// The host; nil is the one that the policy names, else the live host.
  public var host: HostChoice?
  /// Folders below which files are read that a definition refers to, besides its own.
  public var followRoots: [String] = []
  /// The policy that applies.
  public var policy = PolicyChoice.beside
  /// Descriptors of this process that definitions refer to.
  public var descriptors = PassedDescriptors()
  /// The QEMU whose behaviour is predicted.
  public var qemu: QEMUChoice
  /// The QEMU that definitions are tried with.
  public var rehearsal = RehearsalChoice.none
  /// The ats behaviour, if it is not that of `qemu`.
  public var behaviour: ATSBehaviour?
  /// The lowest severity that makes the exit code 1.
  public var failOn: Severity
  /// Effect of an undetermined verdict; nil refuses, except with `--host none`.
  public var onUnknown: OnUnknown?
  /// The output format.
  public var format: LintFormat
  /// The lowest severity that is printed; findings below it still count.
  public var minSeverity = Severity.note
  /// Whether only the summary is printed; text only.
  public var isSummary = false
  /// The version of vfiogate, for SARIF.
  public var version = ""
  /// Whether undetermined rules and allowed findings are printed.
  public var isVerbose: Bool
  /// Whether each finding has its rule's explanation, and not only the first of the rule.
  public var explainsAll = false
  /// Colours and width of the text.
  public var style: Style
  /// Whether a long run shows its progress on a terminal.
  public var showsProgress = false

  /// Creates a lint with the defaults of the command line for all other options.
  public init(
    files: [String], guest: String?, input: InputFormat?, host: HostChoice?, qemu: QEMUChoice,
    behaviour: ATSBehaviour?, failOn: Severity, onUnknown: OnUnknown?, format: LintFormat,
    isVerbose: Bool, style: Style
  ) {
    self.files = files
    self.guest = guest
    self.input = input
    self.host = host
    self.qemu = qemu
    self.behaviour = behaviour
    self.failOn = failOn
    self.onUnknown = onUnknown
    self.format = format
    self.isVerbose = isVerbose
    self.style = style
  }

  /// The whole output at once.
  public func run() -> Answer {
    var output = ""
    var answer = run { output += $0 }
    answer.output = output
    return answer
  }

  /// Bytes of output that are gathered before they are written: most definitions are a line or a few.
  private static let maxHeld = 16 << 10

  /// - Parameter write: is called with the output piece by piece; the answer's own output is empty then.
  public func run(_ write: (String) -> Void) -> Answer {
    do {
      var run = try LintRun(self)
      var writer = self.writer(hidesSafe: run.hasFolders)
      var tally = LintTally()
      var held = writer.begin()
      run.check { result, host in
        tally.count(result, refusesUndetermined: refusesUndetermined(on: host, result))
        held += writer.add(result.showing(from: minSeverity))
        guard held.utf8.count >= Lint.maxHeld else { return }
        write(held)
        held = ""
      }
      var across: AcrossResult?
      for (host, result) in run.across {
        tally.count(result, refusesUndetermined: refusesUndetermined(on: host))
        let shown = result.showing(from: minSeverity)
        if across == nil { across = shown } else { across?.add(shown) }
      }
      tally.unreadable = run.unreadable
      write(held + writer.end(tally, across: across))
      var answer = answer(tally)
      answer.complaint += Lint.note(aboutSkipped: run.skipped)
      return answer
    } catch {
      return .couldNotLook("\(error)")
    }
  }

  /// Checks all definitions.
  /// - Parameter report: is called with every result in the order of the run.
  /// - Returns: the files that could not be read, with the reasons.
  /// - Throws: an error that concerns all definitions.
  func check(_ report: (LintResult) -> Void) throws -> [String] {
    var run = try LintRun(self)
    run.check { result, _ in report(result) }
    return run.unreadable
  }

  /// The writer of the chosen format.
  func writer(hidesSafe: Bool) -> any LintWriter {
    switch format {
    case .json: return LintJSON()
    case .sarif: return LintSARIF(version: version)
    case .github: return LintGitHub()
    case .junit: return LintJUnit(failOn: failOn)
    case .oneline: return LintOneline(style: style)
    case .text where isSummary: return LintSummary(style: style)
    case .text:
      var options = LintText.Options()
      options.isVerbose = isVerbose
      options.explainsAll = explainsAll
      options.hidesSafe = hidesSafe
      return LintText(style: style, options: options)
    }
  }

  /// The host of a definition: the one that was given, else the policy's, else the live host.
  func host(of path: String, by policy: Policy) -> HostChoice {
    if let host { return host }
    let name = path.split(separator: "/").last.map(String.init) ?? path
    return policy.host(of: name).map { HostChoice($0.host) } ?? .live
  }

  /// Whether an undetermined verdict exits 2. With `--host none` the user asked not to inspect a host, and only other
  /// unknowns do.
  func refusesUndetermined(on host: HostChoice, _ result: LintResult? = nil) -> Bool {
    let isExpected = host == .none && result.map { $0.unknowns.allSatisfy { $0.remedy == .host } } ?? true
    return (onUnknown ?? (isExpected ? .warn : .refuse)) == .refuse
  }

  /// Processes that hold devices for the definitions themselves.
  var carriers: Set<Int> { Set((files + [guest ?? ""]).compactMap(Lint.process)).union(descriptors.carriers) }

  /// The process whose own command line a file is: /proc/PID/cmdline.
  static func process(_ file: String) -> Int? {
    let parts = file.split(separator: "/")
    return parts.count == 3 && parts[0] == "proc" && parts[2] == "cmdline" ? Int(parts[1]) : nil
  }

  private func answer(_ tally: LintTally) -> Answer {
    var answer = Answer(exit: exit(tally))
    answer.complaint = tally.unreadable.map { "vfiogate: \(printable($0))\n" }.joined()
    if tally.unreadable.isEmpty, answer.exit == .couldNotLook {
      // On a terminal the text right above it has the facts, and what would determine them.
      answer.complaint = format == .text && !isSummary && style.width != nil
        ? "vfiogate: undetermined; --on-unknown warn accepts that\n" : Lint.complaint(aboutUndetermined: tally)
    }
    return answer
  }

  static func complaint(aboutUndetermined tally: LintTally) -> String {
    let fact = tally.missingFact.map { ": \($0)" } ?? ""
    let advice = tally.advice.isEmpty ? "" : "; decided by " + tally.advice.joined(separator: "; ")
    return "vfiogate: undetermined\(fact)\(advice); --on-unknown warn accepts that\n"
  }

  /// A line about files of directories that are not definitions and mention a host device.
  static func note(aboutSkipped files: [String]) -> String {
    guard !files.isEmpty else { return "" }
    let more = files.count > 5 ? " and \(files.count - 5) more" : ""
    let what = files.count == 1 ? "a file mentions a host device and is not a definition"
      : "files mention a host device and are not definitions"
    return "vfiogate: \(what): \(printable(files.prefix(5).joined(separator: ", ")))\(more); name a file to check it\n"
  }

  /// The exit code of one definition alone.
  func exit(_ result: LintResult, on host: HostChoice) -> ExitStatus {
    var tally = LintTally()
    tally.count(result, refusesUndetermined: refusesUndetermined(on: host, result))
    return exit(tally)
  }

  private func exit(_ tally: LintTally) -> ExitStatus {
    if !tally.unreadable.isEmpty { return .couldNotLook }
    if tally.hasFindings(from: failOn) { return .findings }
    return tally.refusesUndetermined ? .couldNotLook : .clean
  }
}
