import Common
import Facts
import Host
import Inputs
import Rehearsal
import Report
import Rules
import Syntax

/// Checks one definition that is about to be started, for `run` and the hooks. The output goes to standard error, and
/// begins with a headline that can be read without the rest.
public struct LaunchPolicyCheck: Sendable {
  /// The host that the guest starts on.
  public var host = HostChoice.live
  /// The QEMU whose behaviour is predicted.
  public var qemu: QEMUChoice
  /// Descriptors that QEMU inherits.
  public var descriptors = PassedDescriptors()
  /// Allowed findings, and changed severities.
  public var policy = PolicyFile.none
  /// The lowest severity that refuses.
  public var failOn = Severity.error
  /// Effect of an undetermined verdict. Warns by default: no guest runs yet that could be lost, and QEMU checks too.
  public var onUnknown = OnUnknown.warn
  /// Whether a safe definition has output too.
  public var isVerbose = false
  /// Colours of the output.
  public var style = Style(isColoured: false)
  /// The rules to run.
  public var rules = Rule.all
  /// Whether this process sees the device nodes, limits and processes that QEMU will see.
  public var sharesQEMUNamespace = true

  /// Creates a check with the defaults of `run`: the live host, errors refuse.
  public init(qemu: QEMUChoice) { self.qemu = qemu }

  /// Whether a program is tried with the options of a definition that has passthrough.
  public var rehearses = false

  /// Reads the host and checks the definition.
  /// - Throws: `RecordingError` or `QMPFailure` when the host or the QEMU could not be read.
  func check(_ source: SourceText, _ parsed: ParsedInput) throws -> LintResult {
    let requests = parsed.machine.devices + parsed.plugs
    // QEMU starts while the host is read.
    let rehearsal = startedRehearsal(parsed)
    let passed = host == .live ? descriptors.functions(of: requests, process: nil) : [:]
    var facts = try host.load(only: Set(requests.compactMap { $0.hostAddress(passed) })).without(descriptors.carriers)
    if !sharesQEMUNamespace { facts.forgetContainerFacts(because: "QEMU runs in another container") }
    let (profile, silence) = try profile()
    let checker = Judge(host: facts, qemu: profile, rules: rules, policy: policy)
    return checker.check(
      source, parsed, descriptors: passed,
      rehearse: rehearsal.map { started in
        { _, _ in
          let result = started.finish(qemu: profile.name)
          // The refusal of a program that is not QEMU says nothing.
          return silence.map(Known.unknown) ?? result
        }
      })
  }

  /// Nil where none is wanted: other devices than those of passthrough are QEMU's to check.
  private func startedRehearsal(_ parsed: ParsedInput) -> StartedRehearsal? {
    guard rehearses, case .program(let path) = qemu, parsed.machine.devices.contains(where: \.isVFIO) else { return nil }
    return QEMURehearsal(program: path, qemu: path).start(parsed.machine)
  }

  /// A program that cannot be queried has an unknown profile; if it cannot be started at all, execvp(3) will report it.
  /// - Returns: also the reason why a program could not be queried.
  private func profile() throws(QMPFailure) -> (QEMUProfile, silence: Unknown?) {
    guard case .program = qemu else { return (try qemu.profile(), nil) }
    do { return (try qemu.profile(), nil) } catch { return (.unknown("\(error)"), Unknown("rehearsal", reason: "\(error)")) }
  }

  /// The output for a result; empty when it is safe and there are no findings.
  func answer(_ result: LintResult) -> Answer {
    let exit = exit(result)
    if exit == .clean, result.report.findings.isEmpty, !isVerbose { return Answer() }
    var options = LintText.Options()
    options.isVerbose = isVerbose
    var text = LintText(style: style, options: options)
    let headline = exit == .clean ? "" : "vfiogate: refused: \(result.headline)\n"
    return Answer(complaint: headline + text.render(result), exit: exit)
  }

  private func exit(_ result: LintResult) -> ExitStatus {
    if result.report.findings.contains(where: { $0.severity >= failOn }) { return .findings }
    return onUnknown == .refuse && result.verdict == .undetermined ? .couldNotLook : .clean
  }
}

extension Facts.Host {
  /// Makes facts unknown that each container has for itself; devices and their IOMMU are common to all processes.
  fileprivate mutating func forgetContainerFacts(because reason: String) {
    user = .unknown("user", reason)
    memlock = .unknown("memlock limit", reason)
    iommufd = .unknown("/dev/iommu", reason)
    vfioContainer = .unknown("/dev/vfio/vfio", reason)
    for number in groups.keys { groups[number]?.node = .unknown("/dev/vfio/\(number)", reason) }
    for address in devices.keys { devices[address]?.users = .unknown("users of \(address)", reason) }
  }
}
