import Facts
import RuleCases
import Support
import XCTest

@testable import Rules

/// Decisions of the runner itself.
final class RunnerTests: XCTestCase {
  /// Whichever rules run, as libvirt's hook at `start` runs few, and whatever a policy allows.
  func testADeviceThatCannotBePredictedIsNeverSafe() throws {
    let run = try CaseRun("qemu-system-x86_64 -machine q35 -nodefaults -device vfio-pci,host=0000:01:00.0,id=gpu\n")
    XCTAssertEqual(run.target.predictions.map(\.realize), [.undetermined])
    let report = RuleRunner.check(run.target, by: [.vtdSnoopControl])
    XCTAssertEqual(report.undetermined, [])
    XCTAssertEqual(report.verdict, .undetermined)
    XCTAssertEqual(RuleRunner.check(run.target, by: []).verdict, .undetermined)
  }

  /// Prediction reports that it does not exist; nothing else about it is missing.
  func testNothingIsUndeterminedAboutADeviceThatDoesNotExist() throws {
    let lines = try Fixture.text("hosts/desktop-amd-geforce.host").split(separator: "\n").map(String.init)
    let words = ["qemu-system-x86_64", "-machine", "q35", "-nodefaults", "-device", "vfio-pci,host=0000:77:00.0,id=gpu"]
    let run = CaseRun(argv: words, on: try RuleCase.host(lines))
    XCTAssertEqual(run.target.predictions.first?.failure?.cause, .noSuchHostDevice)
    XCTAssertEqual(run.report.findings.map(\.rule), ["realize-fails"])
    XCTAssertEqual(run.report.undetermined.map(\.description), [])
  }

  /// A domain's emulated devices are libvirt's; what it passes to QEMU itself may be meant for vfio.
  func testOptionsThatADomainPassesToQEMUAreChecked() throws {
    func domain(_ own: String) -> String {
      """
      <domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
        <name>guest</name><memory unit='GiB'>8</memory>
        <os><type arch='x86_64' machine='pc-q35-9.2'>hvm</type></os>
        <devices><emulator>/usr/bin/qemu-system-x86_64</emulator></devices>
        \(own)
      </domain>

      """
    }
    XCTAssertEqual(try CaseRun(domain("")).report.findings.map(\.rule), [])
    let own = "<qemu:commandline><qemu:arg value='-device'/><qemu:arg value='vfio_pci,host=01:00.0'/></qemu:commandline>"
    XCTAssertEqual(try CaseRun(domain(own)).report.findings.map(\.rule), ["realize-fails"])
  }
}

extension RunnerTests {
  /// A refusal of a device's text by libvirt may have one cause, and an error about the same text another.
  func testARefusalOfLibvirtsHidesErrorsAboutItsTextAlone() throws {
    let run = try CaseRun("qemu-system-x86_64 -machine q35 -nodefaults -device e1000e,id=n -device vfio-pci,host=0000:01:00.0,id=gpu\n")
    func finding(_ rule: Rule, _ severity: Severity, _ request: DeviceRequest, _ property: String? = nil) -> Finding {
      Finding(
        reportedBy: rule, severity: severity, message: "", fix: "",
        location: property.map { request.location(of: $0) } ?? request.location, evidence: [], device: nil)
    }
    let (card, gpu) = (run.target.machine.devices[0], run.target.machine.devices[1])
    var report = RuleReport()
    report.findings = [
      finding(.libvirtRefuses, .error, card), finding(.dupID, .error, card, "id"), finding(.dupID, .warning, card, "id"),
      finding(.libvirtRefuses, .error, gpu), finding(.notBound, .error, gpu, "host"),
    ]
    report.removeConsequences(in: run.target)
    XCTAssertEqual(report.findings.map(\.rule), ["libvirt-refuses", "dup-id", "libvirt-refuses", "not-bound"])
    XCTAssertEqual(report.findings[1].severity, .warning)
  }
}

extension Undetermined {
  fileprivate var description: String { "\(rule): \(unknown)" }
}
