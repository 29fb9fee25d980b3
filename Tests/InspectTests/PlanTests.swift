import Common
import Facts
import Host
import Inputs
import Prediction
import Rehearsal
import Report
import Rules
import Support
import Syntax
import XCTest

@testable import Inspect

/// The definitions that `plan` writes, judged as `lint` judges them.
final class PlanTests: XCTestCase {
  private let qemu = QEMUProfile.released(11, 1, "11.1.3")

  /// A definition as it is judged on the host that its comments ask for.
  private func judged(_ target: PlanTarget, _ output: String, _ assignment: Assignment) -> LintResult {
    // KubeVirt's is judged as the domain that virt-launcher makes of it.
    let text = target == .kubevirt ? PlanKubeVirt(assignment).domain : output
    let source = SourceText(name: "plan", bytes: Array(text.utf8))
    let format: InputFormat = target == .qemu ? .shell : target == .proxmox ? .proxmox : .xml
    let parsed = ParsedInput.parse(source, as: format)
    if target.bindsDevices { return Judge(host: assignment.host, qemu: qemu).check(source, parsed) }
    return Readiness.prepared(source, parsed, assignment.host, qemu)
  }

  func testNoPlanOnAnyRecordedHostHasAnError() throws {
    var written = 0
    for (name, path, host) in try RecordedHosts.all() {
      for device in host.devices.keys.sorted() {
        for target in PlanTarget.allCases {
          let plan = Plan(addresses: [device], target: target, host: .recording(path), qemu: .version(major: 11, minor: 1, text: "11.1.3"))
          let answer = plan.run()
          let place = "\(name) \(device) \(target)"
          guard answer.exit == .clean else {
            XCTAssertEqual(answer.output, "", place)
            XCTAssert(answer.complaint.hasPrefix("vfiogate: "), place)
            continue
          }
          written += 1
          let assignment = try Assignment([device], on: host)
          let result = judged(target, answer.output, assignment)
          let errors = result.report.findings.filter { $0.severity == .error }
          XCTAssertEqual(errors.map { "\($0.rule): \($0.message)" }, [], "\(place)\n\(answer.output)")
          XCTAssertEqual(result.target.predictions.filter(\.request.isVFIO).count, assignment.functions.count, place)
        }
      }
    }
    XCTAssertGreaterThan(written, 60)
  }

  /// Devices of two groups, each with the rest of its group, get a port each.
  func testTwoGroupsGetAPortEach() throws {
    let host = try RecordedHosts.host("desktop-amd-geforce")
    let assignment = try Assignment([address("0000:0a:00.1"), address("0000:0e:00.0")], on: host)
    XCTAssertEqual(assignment.functions.map(\.description), ["0000:0a:00.0", "0000:0a:00.1", "0000:0e:00.0"])
    XCTAssertEqual(assignment.companions, [try address("0000:0a:00.0")])
    XCTAssertEqual(assignment.slots.map(\.functions.count), [2, 1])
    XCTAssertEqual(
      PlanProxmox(assignment).text,
      "balloon: 0\ncpu: host\nhostpci0: 0000:0a:00.0;0000:0a:00.1,pcie=1\nhostpci1: 0000:0e:00.0,pcie=1\nmachine: q35\nmemory: 4096\n")
  }

  func testADeviceThatTheHostNeedsGetsNoPlan() throws {
    let plan = Plan(
      addresses: [try address("0000:02:00.0")], target: .qemu, host: .recording(Fixture.path("hosts/ugly.host")),
      qemu: .version(major: 11, minor: 1, text: "11.1.3"))
    let answer = plan.run()
    XCTAssertEqual(answer.exit, .findings)
    XCTAssertEqual(answer.output, "")
    XCTAssert(answer.complaint.contains("`enp2s0` has the default route"), answer.complaint)
  }

  /// A device of the same id that the host keeps would be bound by `ids=`, too.
  func testIdsAreAdvisedOnlyWhereTheHostKeepsNoDeviceOfThem() throws {
    var host = try RecordedHosts.host("desktop-amd-geforce")
    let gpu = try address("0000:0e:00.0"), other = try address("0000:0f:00.0")
    func lines() throws -> String {
      PlanSettings(Readiness(try Assignment([gpu], on: host), qemu: qemu), for: .qemu).lines.joined(separator: "\n")
    }
    XCTAssert(try lines().contains("host: driverctl set-override 0000:0e:00.0 vfio-pci\n"))
    XCTAssert(try lines().contains("options vfio-pci ids=1002:164e"))
    var twin = HostDevice(other, nothingKnown: "not read")
    twin.vendor = .known(0x1002)
    twin.device = .known(0x164e)
    host.devices[other] = twin
    XCTAssertFalse(try lines().contains("options vfio-pci"))
    XCTAssert(try lines().contains("not by `ids=` of vfio-pci: 0000:0f:00.0 has the same id"))
  }

  /// Real QEMU accepts everything of the command lines that does not need the host's devices.
  func testRealQEMUAcceptsTheCommandLines() throws {
    let directory = try TemporaryDirectory()
    guard let program = try InstalledQEMU.ofLab(in: directory) else {
      throw XCTSkip("SKIPPED: the lab's QEMU 11.1 is not here; scripts/lab makes its root")
    }
    var tried = 0
    for (name, _, host) in try RecordedHosts.all() {
      for device in host.devices.keys.sorted() {
        guard let assignment = try? Assignment([device], on: host), !assignment.isArm,
          Readiness(assignment, qemu: qemu).report.verdict == .yes
        else { continue }
        let text = PlanQEMU(assignment).text
        let source = SourceText(name: "plan", bytes: Array(text.utf8))
        let machine = ParsedInput.parse(source, as: .shell).machine
        let result = try QEMURehearsal(program: program, qemu: program).run(machine).value
        if case .started = result.outcome { tried += 1 } else { XCTFail("\(name) \(device): \(result.outcome)\n\(text)") }
      }
    }
    XCTAssertGreaterThan(tried, 10)
  }
}
