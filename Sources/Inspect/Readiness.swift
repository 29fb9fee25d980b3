import Common
import Facts
import Inputs
import Prediction
import Report
import Rules
import Syntax

/// The verdict on devices without any definition: the smallest one is checked by the rules, once on the host as found, and
/// once on a host that has been prepared for them. Nothing is decided here that the rules do not decide.
struct Readiness {
  let assignment: Assignment
  /// Findings that no setting of the host removes, and the facts that are missing.
  let prepared: LintResult
  /// Findings on the host as found that its preparation removes.
  let steps: [Finding]

  /// - Parameter qemu: the QEMU whose behaviour is predicted.
  init(_ assignment: Assignment, qemu: QEMUProfile) {
    let first = Readiness(assignment, isLegacyOnly: qemu.isBefore(9, 0) || qemu.properties.display?.contains("iommufd") == false, qemu)
    guard first.prepared.verdict == .unsafe, !first.assignment.isLegacyOnly else {
      self = first
      return
    }
    // The legacy backend may accept a host that iommufd refuses: interrupts that are not isolated are allowed for each module.
    let second = Readiness(assignment, isLegacyOnly: true, qemu)
    self = [.safe, .safeByPolicy].contains(second.prepared.verdict) ? second : first
  }

  private init(_ assignment: Assignment, isLegacyOnly: Bool, _ qemu: QEMUProfile) {
    var assignment = assignment
    assignment.isLegacyOnly = isLegacyOnly
    self.assignment = assignment
    let text = PlanQEMU(assignment, hasIDs: false).text
    let source = SourceText(name: "definition", bytes: Array(text.utf8))
    let parsed = ParsedInput.parse(source, as: .shell)
    let now = Judge(host: assignment.host, qemu: qemu).check(source, parsed)
    prepared = Readiness.prepared(source, parsed, assignment.host, qemu)
    let remaining = Set(prepared.report.findings.map(\.rule))
    steps = now.report.findings.filter { $0.severity == .error && !remaining.contains($0.rule) }
  }

  /// The check on a host whose devices are bound to vfio-pci first, and whose user may open their nodes and lock the memory.
  static func prepared(
    _ source: SourceText, _ parsed: ParsedInput, _ host: Facts.Host, _ qemu: QEMUProfile
  ) -> LintResult {
    var parsed = parsed, host = host
    for index in parsed.machine.devices.indices where parsed.machine.devices[index].isVFIO {
      // The other properties of libvirt's definition stay.
      var hostdev = parsed.machine.devices[index].libvirt ?? LibvirtHostdev(isManaged: true, driverModel: nil)
      hostdev.isManaged = true
      parsed.machine.devices[index].libvirt = hostdev
    }
    host.memlock = .known(nil)
    if host.iommufd == .known(.denied) { host.iommufd = .known(.accessible) }
    if host.kvm == .known(.denied) { host.kvm = .known(.accessible) }
    if host.vfioContainer == .known(.denied) { host.vfioContainer = .known(.accessible) }
    return Judge(host: host, qemu: qemu).check(source, parsed)
  }

  /// The verdict for the report.
  var report: DeviceReadiness {
    let errors = prepared.report.findings.filter { $0.severity == .error }
    var unknowns: [Unknown] = []
    for unknown in prepared.report.undetermined.filter({ $0.severity == .error }).map(\.unknown)
      + prepared.target.predictions.flatMap(\.unknowns) where !unknowns.contains(unknown) { unknowns.append(unknown) }
    let verdict: DeviceReadiness.Verdict
    switch prepared.verdict {
    case .unsafe: verdict = .no
    case .undetermined: verdict = .unknown
    case .safe, .safeByPolicy: verdict = .yes
    }
    return DeviceReadiness(
      address: assignment.requested.first, companions: assignment.companions, verdict: verdict, reasons: errors,
      steps: verdict == .no ? [] : steps,
      notes: prepared.report.findings.filter { $0.severity == .warning }, unknowns: verdict == .unknown ? unknowns : [])
  }
}
