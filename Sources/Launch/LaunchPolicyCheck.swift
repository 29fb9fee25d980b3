import Common
import Facts
import Host
import Inputs
import Report
import Rules
import Syntax

/// Judges one definition for somebody who is about to start it: `run` and the hooks. What it says goes to
/// standard error, and begins with a short line that stands for itself.
public struct LaunchPolicyCheck: Sendable {
  public var host = HostChoice.live
  public var qemu: QEMUChoice
  public var descriptors = PassedDescriptors()
  public var policy = PolicyFile.none
  public var failOn = Severity.error
  /// Nothing runs yet that could be lost, and QEMU checks too; so what cannot be told only warns.
  public var onUnknown = OnUnknown.warn
  public var isVerbose = false
  public var style = Style(isColoured: false)
  public var rules = Rule.all
  /// Whether this process sees the device nodes, limits and processes that QEMU will see.
  public var sharesQEMUNamespace = true

  public init(qemu: QEMUChoice) { self.qemu = qemu }

  /// - Throws: `RecordingError` or `QMPFailure`, when nobody could look.
  func judge(_ source: SourceText, _ parsed: ParsedInput) throws -> LintResult {
    let requests = parsed.machine.devices + parsed.plugs
    let passed = host == .live ? descriptors.functions(of: requests, process: nil) : [:]
    var facts = try host.load(only: Set(requests.compactMap { $0.hostAddress(passed) })).without(descriptors.carriers)
    if !sharesQEMUNamespace { facts.forgetPlace(because: "QEMU runs in another container") }
    let check = Judge(host: facts, qemu: try profile(), rules: rules, policy: policy)
    return check.judge(source, parsed, descriptors: passed)
  }

  /// A program that cannot be asked is one of which nothing is known; that it cannot be started at all
  /// will show when it is.
  private func profile() throws(QMPFailure) -> QEMUProfile {
    guard case .program = qemu else { return try qemu.profile() }
    do { return try qemu.profile() } catch { return .unknown("\(error)") }
  }

  /// Empty for what is safe and gives no cause for remarks.
  func answer(_ result: LintResult) -> Answer {
    let exit = exit(result)
    if exit == .clean, result.report.findings.isEmpty, !isVerbose { return Answer() }
    let text = LintText(style: style, verbose: isVerbose)
    let headline = exit == .clean ? "" : "vfiogate: refused: \(result.headline)\n"
    return Answer(complaint: headline + text.render(result), exit: exit)
  }

  private func exit(_ result: LintResult) -> ExitStatus {
    if result.report.findings.contains(where: { $0.severity >= failOn }) { return .findings }
    return onUnknown == .refuse && result.verdict == .undetermined ? .couldNotLook : .clean
  }
}

extension Facts.Host {
  /// Leaves what a machine's processes all share, the devices and their IOMMU, and makes unknown what each
  /// container has for itself.
  fileprivate mutating func forgetPlace(because reason: String) {
    user = .unknown("user", reason)
    memlock = .unknown("memlock limit", reason)
    iommufd = .unknown("/dev/iommu", reason)
    vfioContainer = .unknown("/dev/vfio/vfio", reason)
    for number in groups.keys { groups[number]?.node = .unknown("/dev/vfio/\(number)", reason) }
    for address in devices.keys { devices[address]?.users = .unknown("users of \(address)", reason) }
  }
}
