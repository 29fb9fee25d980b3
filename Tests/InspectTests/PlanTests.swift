import Common
import Facts
import Host
import Inputs
import Prediction
import Rehearsal
import Report
import Rules
import Support
import XCTest

@testable import Inspect
@testable import Syntax

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
    for (name, _, host) in try RecordedHosts.all() {
      for device in host.devices.keys.sorted() {
        for (target, hasIOMMU, hasHugepages) in PlanTests.kinds {
          if target == .proxmox, host.isArm == true { continue }
          let plan = Plan(
            addresses: [device], target: target, hasGuestIOMMU: hasIOMMU, hasHugepages: hasHugepages, host: .live,
            qemu: .version(major: 11, minor: 1, text: "11.1.3"))
          let answer = plan.answer(on: host)
          let place = "\(name) \(device) \(target)\(hasIOMMU ? " with an IOMMU" : "")\(hasHugepages ? " on hugepages" : "")"
          guard answer.exit == .clean else {
            XCTAssertEqual(answer.output, "", place)
            XCTAssert(answer.complaint.hasPrefix("vfiogate: "), place)
            continue
          }
          written += 1
          var assignment = try Assignment([device], on: host)
          assignment.hasGuestIOMMU = hasIOMMU
          assignment.hasHugepages = hasHugepages
          let result = judged(target, answer.output, assignment)
          let errors = result.report.findings.filter { $0.severity == .error }
          XCTAssertEqual(errors.map { "\($0.rule): \($0.message)" }, [], "\(place)\n\(answer.output)")
          XCTAssert(result.verdict.isSafe, "\(place): \(result.report.undetermined.map(\.unknown))")
          XCTAssertEqual(result.target.predictions.filter(\.request.isVFIO).count, assignment.functions.count, place)
          XCTAssertEqual(
            result.target.machine.devices.contains { ["intel-iommu", "virtio-iommu-pci"].contains($0.driver) }, hasIOMMU, place)
        }
      }
    }
    XCTAssertGreaterThan(written, 200)
  }

  /// Each kind of definition that `plan` writes.
  private static let kinds = PlanTarget.allCases.flatMap { target in
    (target.hasGuestIOMMU ? [false, true] : [false]).flatMap { hasIOMMU in
      [false, true].map { (target: target, hasIOMMU: hasIOMMU, hasHugepages: $0) }
    }
  }

  /// Each device that is ready, in each kind of definition for the program.
  private func ready(
    _ target: PlanTarget, _ body: (_ place: String, _ assignment: Assignment) throws -> Void
  ) throws {
    for (name, _, host) in try RecordedHosts.all() {
      for device in host.devices.keys.sorted() {
        guard var assignment = try? Assignment([device], on: host) else { continue }
        for kind in PlanTests.kinds where kind.target == target {
          assignment.hasGuestIOMMU = kind.hasIOMMU
          assignment.hasHugepages = kind.hasHugepages
          if Readiness(assignment, qemu: qemu).report.verdict == .yes { try body("\(name) \(device)", assignment) }
        }
      }
    }
  }

  /// A group has one address space, and behind VT-d each function has its own, but for those behind one conventional bridge.
  func testFunctionsOfAGroupShareABridgeWithAnIOMMU() throws {
    var plan = Plan(
      addresses: [try address("0000:0a:00.0"), try address("0000:0e:00.0")], target: .qemu, hasGuestIOMMU: true,
      host: .recording(Fixture.path("hosts/desktop-amd-geforce.host")), qemu: .version(major: 11, minor: 1, text: "11.1.3"))
    let answer = plan.run()
    XCTAssertEqual(answer.exit, .clean)
    for part in [
      "-device pcie-pci-bridge,id=bridge1,bus=port1 ",
      "host=0000:0a:00.0,id=hostdev0,bus=bridge1,addr=1.0,multifunction=on", "host=0000:0a:00.1,id=hostdev1,bus=bridge1,addr=1.1",
      "host=0000:0e:00.0,id=hostdev2,bus=port2,addr=0.0",
    ] { XCTAssert(answer.output.contains(part), answer.output) }
    XCTAssert(answer.output.contains("the functions of one group are behind a conventional bridge"), answer.output)
    plan.target = .libvirt
    XCTAssert(plan.run().output.contains("<controller type='pci' index='2' model='pcie-to-pci-bridge'>"))
    plan.hasGuestIOMMU = false
    XCTAssertFalse(plan.run().output.contains("bridge"))
  }

  /// Its machines have such a bridge already, for what has no `pcie=1`.
  func testFunctionsOfAGroupAreOnProxmoxOwnBridge() throws {
    let plan = Plan(
      addresses: [try address("0000:0a:00.0"), try address("0000:0e:00.0")], target: .proxmox, hasGuestIOMMU: true,
      host: .recording(Fixture.path("hosts/desktop-amd-geforce.host")), qemu: .version(major: 11, minor: 1, text: "11.1.3"))
    let lines = plan.run().output.split(separator: "\n").filter { $0.hasPrefix("hostpci") }
    XCTAssertEqual(lines, ["hostpci0: 0000:0a:00.0;0000:0a:00.1", "hostpci1: 0000:0e:00.0,pcie=1"])
  }

  /// No function behind a conventional bridge has ATS for the guest: its IOMMU does not offer it then.
  func testTheIOMMUOffersATSOnlyToFunctionsOnExpress() throws {
    for target in [PlanTarget.libvirt, .qemu, .proxmox] {
      let plan = Plan(
        addresses: [try address("0000:01:00.0")], target: target, hasGuestIOMMU: true,
        host: .recording(Fixture.path("hosts/intel-no-device-tlb.host")), qemu: .version(major: 11, minor: 1, text: "11.1.3"))
      let output = plan.run().output
      XCTAssertFalse(output.contains("iotlb"), output)
      XCTAssertFalse(output.contains("enable ATS in both"), output)
    }
  }

  /// The driver that has the device now would bind it first at the next boot.
  func testModulesAreLoadedInOrder() throws {
    let host = try RecordedHosts.host("desktop-amd-geforce")
    let readiness = Readiness(try Assignment([address("0000:0e:00.0")], on: host), qemu: qemu)
    let lines = PlanSettings(readiness, for: .qemu).lines
    XCTAssert(lines.contains { $0.hasSuffix("softdep amdgpu pre: vfio-pci") }, "\(lines)")
    XCTAssert(lines.contains { $0.contains("update-initramfs -u") }, "\(lines)")
    XCTAssertFalse(PlanSettings(readiness, for: .libvirt).lines.contains { $0.contains("softdep") })
  }

  /// Notes are about the definition that is printed: libvirt's and Proxmox's use the legacy backend.
  func testNotesAreThoseOfTheDefinition() throws {
    let host = try RecordedHosts.host("pre71-vega")
    for target in PlanTarget.allCases where target != .qemu {
      let readiness = Readiness(try Assignment([address("0000:28:00.0")], on: host), qemu: qemu)
      XCTAssertFalse(PlanSettings(readiness, for: target).lines.contains { $0.contains("`ats=off`") }, "\(target)")
    }
  }

  func testAGraceGPUsNodesAreInItsDomain() throws {
    let host = try RecordedHosts.host("grace-gb200")
    let readiness = Readiness(try Assignment([address("0008:01:00.0")], on: host), qemu: qemu)
    XCTAssertFalse(PlanSettings(readiness, for: .libvirt).lines.contains { $0.contains("acpi-generic-initiator") })
  }

  func testProxmoxOnArmGetsNoPlan() throws {
    let plan = Plan(
      addresses: [try address("0002:01:00.1")], target: .proxmox, host: .recording(Fixture.path("hosts/grace-cx8-sriov.host")),
      qemu: .version(major: 11, minor: 1, text: "11.1.3"))
    let answer = plan.run()
    XCTAssertEqual(answer.exit, .couldNotLook)
    XCTAssertEqual(answer.complaint, "vfiogate: unknown: Proxmox's machine of an Arm host: only those of x86 are modelled\n")
  }

  /// VT-d's default of 48 bits is refused where the host's maps fewer.
  func testTheIOMMUHasTheWidthOfTheHosts() throws {
    var host = try RecordedHosts.host("recorded-q35-vtd-noats")
    let device = try address("0000:02:00.0")
    XCTAssertNil(try Assignment([device], on: host).guestIOMMUWidth)
    guard case .known(.some(let name))? = host.devices[device]?.iommu, var unit = host.iommus.display?[name] else {
      return XCTFail("no IOMMU")
    }
    // MGAW, VT-d 4.1 §11.4.2.
    unit.capability = unit.capability.map { $0 & ~(0x3f << 16) | 38 << 16 }
    host.iommus = .known([name: unit])
    var assignment = try Assignment([device], on: host)
    XCTAssertEqual(assignment.guestIOMMUWidth, 39)
    assignment.hasGuestIOMMU = true
    XCTAssertEqual(Readiness(assignment, qemu: qemu).report.verdict, .yes)
    XCTAssert(PlanQEMU(assignment).text.contains("device-iotlb=on,aw-bits=39"))
    XCTAssert(PlanProxmox(assignment).text.contains("machine: q35,viommu=intel,aw-bits=39\n"))
    XCTAssert(PlanProxmox(assignment).text.hasPrefix("args: -global intel-iommu.device-iotlb=on\n"))
  }

  /// Guest memory counts once for each address space, and iommufd may count the regions of the devices.
  func testTheLimitOfLockedMemoryIsAdvisedWhereItIsNotKnownToSuffice() throws {
    var host = try RecordedHosts.host("recorded-q35-vtd-noats")
    let devices = [try address("0000:02:00.0"), try address("0000:03:10.0")]
    func limit(_ target: PlanTarget = .qemu, hasIOMMU: Bool = false) throws -> [String] {
      var assignment = try Assignment(devices, on: host)
      assignment.memory = 8
      assignment.hasGuestIOMMU = hasIOMMU
      return PlanSettings(Readiness(assignment, qemu: qemu), for: target).lines.filter { $0.contains("ulimit") }
    }
    let regions = 272 + 32
    func line(_ gibibytes: Int) -> String {
      let limit = gibibytes << 20 + regions
      return "host: unless root runs QEMU, let it lock the memory: `ulimit -l \(limit)`, or `LimitMEMLOCK=\(limit)K` of its unit"
    }
    XCTAssertEqual(try limit(), [line(9)])
    XCTAssertEqual(try limit(hasIOMMU: true), [line(17)])
    for target in [PlanTarget.libvirt, .proxmox, .kubevirt] { XCTAssertEqual(try limit(target), []) }
    host.user = .known("user")
    host.memlock = .known(10 << 30)
    XCTAssertEqual(try limit(), [])
    XCTAssertEqual(try limit(hasIOMMU: true), [line(17)])
    host.memlock = .known(nil)
    XCTAssertEqual(try limit(hasIOMMU: true), [])
    // The advice is for a user, whose limit does not follow from root's.
    host.user = .known("root")
    XCTAssertEqual(try limit(), [line(9)])
    host.user = .known("user")
    host.memlock = .unknown("memory limit", "not read")
    XCTAssertEqual(try limit(), [line(9)])
  }

  func testHugepagesAreReservedOnTheHost() throws {
    var assignment = try Assignment([address("0000:0e:00.0")], on: RecordedHosts.host("desktop-amd-geforce"))
    assignment.hasHugepages = true
    func lines(_ target: PlanTarget) -> [String] {
      PlanSettings(Readiness(assignment, qemu: qemu), for: target).lines.filter { $0.contains("hugepages") }
    }
    for target in [PlanTarget.qemu, .libvirt, .kubevirt] {
      XCTAssertEqual(lines(target), ["host: reserve hugepages for 4 GiB: `sysctl vm.nr_hugepages=2048`"])
    }
    XCTAssertEqual(lines(.proxmox), [])
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
    XCTAssert(try lines().contains("not by `ids=` of vfio-pci, which are also those of 0000:0f:00.0"))
  }

  /// Real QEMU accepts everything of the command lines that does not need the host's devices.
  func testRealQEMUAcceptsTheCommandLines() throws {
    let directory = try TemporaryDirectory()
    guard let program = try InstalledQEMU.ofLab(in: directory) else {
      throw XCTSkip("SKIPPED: the lab's QEMU 11.1 is not here; scripts/lab makes its root")
    }
    var tried = 0
    var texts: Set<String> = []
    try ready(.qemu) { place, assignment in
      let text = PlanQEMU(assignment).text
      if assignment.isArm || !texts.insert(text).inserted { return }
      let source = SourceText(name: "plan", bytes: Array(text.utf8))
      let machine = ParsedInput.parse(source, as: .shell).machine
      let result = try QEMURehearsal(program: program, qemu: program).run(machine).value
      if case .started = result.outcome { tried += 1 } else { XCTFail("\(place): \(result.outcome)\n\(text)") }
    }
    XCTAssertGreaterThan(tried, 20)
  }

  /// The installed libvirt's schema accepts the domains, and its driver makes a command line of each that has the devices.
  func testRealLibvirtAcceptsTheDomains() throws {
    guard let validator = Child.find("virt-xml-validate") else { throw XCTSkip("SKIPPED: virt-xml-validate is not installed") }
    let folder = try TemporaryDirectory()
    var files: [String: Assignment] = [:], texts: Set<String> = []
    try ready(.libvirt) { _, assignment in
      // The driver's own QEMU is x86's.
      let text = PlanLibvirt(assignment, isManaged: true).text
      guard !assignment.isArm, texts.insert(text).inserted else { return }
      let file = "\(folder.path)/\(files.count).xml"
      files[file] = assignment
      // Without KVM there is no host's processor, and its driver is asked of /dev/vfio.
      try writeFile(
        file,
        PlanTests.withoutCPU(text).replacing("<domain type='kvm'>", with: "<domain type='qemu'>")
          .replacing("<source><address domain", with: "<driver name='vfio'/><source><address domain"))
      let run = try Child.run(validator, [file, "domain"])
      XCTAssertEqual(run.status, 0, String(decoding: run.output + run.error, as: UTF8.self) + text)
    }
    let run = try Child.run(Fixture.path("../scripts/libvirt-options"), files.keys.sorted())
    guard run.status == 0 else {
      throw XCTSkip("SKIPPED: \(String(decoding: run.error, as: UTF8.self).split(separator: "\n").first ?? "")")
    }
    let lines = String(decoding: run.output, as: UTF8.self).split(separator: "\n")
    var skipped: String?
    for (file, assignment) in files {
      let index = try XCTUnwrap(lines.firstIndex { $0 == "== \(file)" })
      let answer = lines[min(index + 1, lines.count - 1)]
      if assignment.hasHugepages, answer.contains("hugetlbfs filesystem is not mounted") {
        skipped = "SKIPPED: this user may not mount hugetlbfs, so libvirt has seen no domains on hugepages"
        continue
      }
      XCTAssert(answer.hasPrefix("LC_ALL="), "\(answer)")
      let machine = ParsedInput.parse(SourceText(name: file, bytes: Array(answer.utf8)), as: .shell).machine
      XCTAssertEqual(
        machine.devices.filter(\.isVFIO).map { $0.string("host") }, assignment.functions.map(\.description), "\(answer)")
      XCTAssertEqual(machine.devices.contains { $0.driver == "intel-iommu" }, assignment.hasGuestIOMMU)
    }
    XCTAssertGreaterThan(files.count, 20)
    if let skipped { throw XCTSkip(skipped) }
  }

  private static func withoutCPU(_ text: String) throws -> String {
    let bytes = Array(text.utf8)
    let cuts = try XMLTree.parse(bytes).root.children.filter { $0.name == "cpu" }.map(\.range)
    var rest = bytes
    for cut in cuts.reversed() { rest.removeSubrange(cut) }
    return String(decoding: rest, as: UTF8.self)
  }
}
