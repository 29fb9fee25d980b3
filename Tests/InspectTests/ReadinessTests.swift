import Common
import Facts
import Host
import Report
import Rules
import XCTest

@testable import Inspect

/// Verdicts on devices without any definition.
final class ReadinessTests: XCTestCase {
  private let qemu = QEMUProfile.released(11, 1, "11.1.3")

  private func verdict(_ text: String, on host: Facts.Host) throws -> DeviceReadiness {
    Ready.verdict(try address(text), on: host, qemu: qemu)
  }

  func testAGPUIsReadyOnlyTogetherWithItsAudioFunction() throws {
    let verdict = try verdict("0000:0a:00.0", on: RecordedHosts.host("desktop-amd-geforce"))
    XCTAssertEqual(verdict.verdict, .yes)
    XCTAssertEqual(verdict.companions.map(\.description), ["0000:0a:00.1"])
    XCTAssert(verdict.steps.isEmpty)
  }

  /// The host's display is a note without an address, too, and an unknown verdict says what would decide it.
  func testNotesAndRemediesAreInTheTable() throws {
    var host = try RecordedHosts.host("desktop-amd-geforce")
    let graphics = try verdict("0000:0e:00.0", on: host)
    XCTAssert(ReadyReport(host, [graphics], isNamed: false, qemu: qemu).text(.plain).contains("note: the host displays on"))
    host.groups[23]?.members = .unknown("members of group 23", UnknownReason.notRecorded)
    let unknown = try verdict("0000:0a:00.0", on: host)
    XCTAssertEqual(unknown.verdict, .unknown)
    XCTAssert(ReadyReport(host, [unknown], isNamed: true, qemu: qemu).text(.plain).contains("decided by: a newer recording"))
  }

  /// The binding is a step, not an obstacle, and so for every function of the group.
  func testBindingIsAStep() throws {
    var host = try RecordedHosts.host("desktop-amd-geforce")
    for (text, driver) in [("0000:0a:00.0", "nouveau"), ("0000:0a:00.1", "snd_hda_intel")] {
      host.devices[try address(text)]?.driver = .known(driver)
      host.devices[try address(text)]?.cdev = .known(nil)
    }
    host.groups[23]?.node = .known(.absent)
    let verdict = try verdict("0000:0a:00.0", on: host)
    XCTAssertEqual(verdict.verdict, .yes)
    XCTAssertEqual(Set(verdict.steps.map(\.rule)), ["not-bound"])
    let text = ReadyReport(host, [verdict], isNamed: true, qemu: qemu).text(.plain)
    for function in ["0000:0a:00.0", "0000:0a:00.1"] {
      // Each command once, although several findings advise it.
      XCTAssertEqual(text.components(of: "`driverctl set-override \(function) vfio-pci`"), 1, text)
    }
  }

  /// A bridge of the chip set has an endpoint's header.
  func testABridgeOfTheGroupStaysWithTheHost() throws {
    var host = try RecordedHosts.host("desktop-amd-geforce")
    let gpu = try address("0000:0a:00.0")
    XCTAssertEqual(try Assignment([gpu], on: host).companions.map(\.description), ["0000:0a:00.1"])
    host.devices[try address("0000:0a:00.1")]?.classCode = .known(0x060100)
    XCTAssertEqual(try Assignment([gpu], on: host).companions, [])
  }

  /// Whoever runs the guest may open other nodes than whoever asks.
  func testNodesThatThisUserMayNotOpenAreNoObstacle() throws {
    var host = try RecordedHosts.host("desktop-amd-geforce")
    for iommufd in [NodeAccess.denied, .accessible] {
      host.iommufd = .known(iommufd)
      let ready = Readiness(try Assignment([address("0000:0a:00.0")], on: host), qemu: qemu)
      XCTAssertEqual(ready.report.verdict, .yes)
      XCTAssert(ready.assignment.usesIOMMUFD)
    }
  }

  func testACompanionThatTheHostUsesMakesItNo() throws {
    var host = try RecordedHosts.host("desktop-amd-geforce")
    let audio = try address("0000:0a:00.1")
    host.devices[audio]?.driver = .known("nvme")
    host.devices[audio]?.cdev = .known(nil)
    host.devices[audio]?.hostUses = .known([HostUse(.mount, "nvme0n1p2", "/")])
    let verdict = try verdict("0000:0a:00.0", on: host)
    XCTAssertEqual(verdict.verdict, .no)
    XCTAssertEqual(verdict.reasons.map(\.rule), ["host-still-uses-device"])
    XCTAssertFalse(verdict.reasons[0].message.contains("libvirt"))
  }

  /// What is so of each function of the group is one reason.
  func testAReasonOfAllFunctionsIsReportedOnce() throws {
    let host = try RecordedHosts.host("ugly")
    let verdict = try verdict("0000:01:00.0", on: host)
    XCTAssertEqual(verdict.reasons.map(\.rule), ["rmrr-direct", "rmrr-direct"])
    let text = ReadyReport(host, [verdict], isNamed: true, qemu: qemu).text(.plain)
    XCTAssertEqual(text.components(of: "the firmware reserves a direct mapping"), 1, text)
  }

  /// Every fact that is taken away leaves a verdict that is not better than before.
  func testWithoutAFactNothingBecomesReady() throws {
    let host = try RecordedHosts.host("ugly")
    for text in ["0000:01:00.0", "0000:02:00.0", "0000:04:00.0"] {
      let function = try address(text)
      let before = try verdict(text, on: host).verdict
      XCTAssertNotEqual(before, .yes, text)
      let lines = HostRecording.render(host).split(separator: "\n", omittingEmptySubsequences: false)
      for (index, line) in lines.enumerated() where line.hasPrefix("\(function) ") || line.hasPrefix("group ") {
        if line.hasPrefix("\(function) config 0x") { continue }
        var fewer = lines
        fewer.remove(at: index)
        let forgetful = try HostRecording.parse(Array(fewer.joined(separator: "\n").utf8), source: "test")
        XCTAssertNotEqual(try verdict(text, on: forgetful).verdict, .yes, "\(text) without `\(line)`")
      }
    }
  }

  func testTheHostsObstacleIsReportedOnceWithAdviceForItsProcessor() throws {
    var host = try RecordedHosts.host("recorded-q35-vtd-noats")
    host.iommus = .known([:])
    host.groups = [:]
    for address in host.devices.keys {
      host.devices[address]?.group = .known(nil)
      host.devices[address]?.iommu = .known(nil)
    }
    host.kernelCommandLine = .known("root=/dev/vda quiet")
    XCTAssertEqual(try host.obstacle.value?.fix, "enable VT-d in the firmware, and boot the host with `intel_iommu=on`")
    host.kernelCommandLine = .known("root=/dev/vda intel_iommu=on")
    XCTAssertEqual(try host.obstacle.value?.fix, "enable VT-d in the firmware")
    host.kernelCommandLine = .known("iommu=off")
    XCTAssertEqual(try host.obstacle.value?.fix, "remove `iommu=off` from the kernel's command line")
    host.kernelConfig = .known(["CONFIG_INTEL_IOMMU": "n"])
    XCTAssertEqual(try host.obstacle.value?.fix, "use a kernel with CONFIG_INTEL_IOMMU")
    let bridge = try XCTUnwrap(host.devices.values.first { $0.classCode.map { $0 >> 8 } == .known(0x0600) }?.address)
    host.devices[bridge]?.vendor = .known(0x1022)
    host.kernelConfig = .known([:])
    host.kernelCommandLine = .known("quiet")
    XCTAssertEqual(try host.obstacle.value?.fix, "enable the IOMMU (AMD-Vi) in the firmware")

    // The rules say the same of each device.
    let device = try Assignment([address("0000:02:00.0")], on: host)
    XCTAssertEqual(Readiness(device, qemu: qemu).report.verdict, .no)
    XCTAssertEqual(try verdict("0000:02:00.0", on: host).verdict, .no)
    host.kernelConfig = .known(["CONFIG_VFIO": "n"])
    XCTAssertEqual(try host.obstacle.value?.fix, "use a kernel with CONFIG_VFIO, and enable the IOMMU (AMD-Vi) in the firmware")
  }

  func testAKernelWithoutVFIOAndAnIOMMUThatIsOffAreReportedTogether() throws {
    var host = try RecordedHosts.host("recorded-q35-vtd-noats")
    host.iommus = .known([:])
    host.groups = [:]
    for address in host.devices.keys { host.devices[address]?.group = .known(nil) }
    host.kernelConfig = .known(["CONFIG_VFIO": "n"])
    host.kernelCommandLine = .known("quiet")
    XCTAssertEqual(
      try host.obstacle.value?.fix,
      "use a kernel with CONFIG_VFIO, enable VT-d in the firmware, and boot the host with `intel_iommu=on`")
    host.kernelConfig = .known(["CONFIG_VFIO": "n", "CONFIG_INTEL_IOMMU": "n"])
    XCTAssertEqual(try host.obstacle.value?.fix, "use a kernel with CONFIG_VFIO and CONFIG_INTEL_IOMMU")
    // A recording of some devices has root ports, and no host bridge.
    host.devices = host.devices.filter { $0.value.classCode.map { $0 >> 8 } != .known(0x0600) }
    XCTAssertEqual(try host.obstacle.value?.fix, "use a kernel with CONFIG_VFIO and CONFIG_INTEL_IOMMU")
    // It may be an Arm host, whose kernel has neither.
    host.devices = [:]
    host.kernelConfig = .known(["CONFIG_VFIO": "n", "CONFIG_INTEL_IOMMU": "n", "CONFIG_AMD_IOMMU": "n"])
    XCTAssertEqual(try host.obstacle.value?.fix.contains("CONFIG_INTEL_IOMMU"), false)
  }

  /// A guest of KVM does not start without it, whatever its devices.
  func testAHostThatLacksKVMAloneIsNotReady() throws {
    var host = try RecordedHosts.host("desktop-amd-geforce")
    host.kvm = .known(.absent)
    XCTAssertEqual(try host.obstacle.value, nil)
    XCTAssertEqual(try host.guestObstacle.value?.message, "/dev/kvm does not exist")
    let device = try verdict("0000:0a:00.0", on: host)
    XCTAssertEqual(device.verdict, .no)
    XCTAssertEqual(device.reasons.map(\.rule), [], "the host's line has the reason")
    host.kernelConfig = .known(["CONFIG_VFIO": "n"])
    XCTAssertEqual(
      try host.guestObstacle.value?.message, "the kernel has no VFIO, with which devices are assigned, and /dev/kvm does not exist")
  }

  /// As in a container that was given none of the host's nodes.
  func testAHostWithoutNodesOfVFIOIsNotReady() throws {
    var host = try RecordedHosts.host("desktop-amd-geforce")
    host.vfioContainer = .known(.absent)
    XCTAssertEqual(try host.obstacle.value, nil, "iommufd does without the container")
    host.iommufd = .known(.absent)
    XCTAssertEqual(
      try host.obstacle.value?.message, "neither /dev/vfio/vfio nor /dev/iommu exists, and QEMU opens one of them for every device")
  }

  /// The first device that is bound to vfio-pci loads the module that creates /dev/vfio/vfio.
  func testBindingLoadsTheModuleThatCreatesTheContainer() throws {
    var host = try RecordedHosts.host("desktop-amd-geforce")
    for text in ["0000:0a:00.0", "0000:0a:00.1"] {
      host.devices[try address(text)]?.driver = .known(nil)
      host.devices[try address(text)]?.cdev = .known(nil)
    }
    host.groups[23]?.node = .known(.absent)
    host.vfioContainer = .known(.absent)
    host.iommufd = .known(.absent)
    let ready = try verdict("0000:0a:00.0", on: host)
    XCTAssertEqual(ready.verdict, .yes)
    XCTAssert(ready.steps.contains { $0.fix.contains("modprobe vfio-pci") })
    XCTAssert(ready.steps.contains { $0.rule == "not-bound" })
    host.kernelConfig = .unknown("kernel's configuration", "not read")
    XCTAssertEqual(try verdict("0000:0a:00.0", on: host).verdict, .unknown)
    host.kernelConfig = .known(["CONFIG_VFIO": "y"])
    XCTAssertEqual(try verdict("0000:0a:00.0", on: host).verdict, .no)
    host.kernelConfig = .known(["CONFIG_VFIO": "m"])
    host.devices[try address("0000:0e:00.0")]?.driver = .known("vfio-pci")
    XCTAssertEqual(try verdict("0000:0a:00.0", on: host).verdict, .no, "the module is loaded already")
  }

  func testAQEMUWithoutIOMMUFDIsAskedForTheLegacyBackend() throws {
    let host = try RecordedHosts.host("desktop-amd-geforce")
    let gpu = try address("0000:0a:00.0")
    let old = Readiness(try Assignment([gpu], on: host), qemu: .released(7, 2, "7.2.22"))
    XCTAssertEqual(old.report.verdict, .yes)
    XCTAssertFalse(PlanQEMU(old.assignment).text.contains("iommufd"))
    XCTAssert(Readiness(try Assignment([gpu], on: host), qemu: qemu).assignment.usesIOMMUFD)
    XCTAssert(Readiness(try Assignment([gpu], on: host), qemu: .released(9, 0, "9.0.0")).assignment.usesIOMMUFD)
  }

  func testInterruptsThatAreNotIsolatedKeepEveryDevice() throws {
    var host = try RecordedHosts.host("desktop-amd-geforce")
    host.interruptsIsolated = .known(false)
    XCTAssertNotNil(try host.obstacle.value)
    XCTAssertEqual(Readiness(try Assignment([address("0000:0a:00.0")], on: host), qemu: qemu).report.verdict, .no)
    host.unsafeInterrupts = .known(["iommufd", "vfio_iommu_type1"])
    XCTAssertNil(try host.obstacle.value)
    // The module of one backend.
    host.unsafeInterrupts = .known(["vfio_iommu_type1"])
    let readiness = Readiness(try Assignment([address("0000:0a:00.0")], on: host), qemu: qemu)
    XCTAssertEqual(readiness.report.verdict, .yes)
    XCTAssertFalse(PlanQEMU(readiness.assignment).text.contains("iommufd"))
    let text = ReadyReport(host, [readiness.report], isNamed: true, qemu: qemu).text(Style(isColoured: false, width: 80))
    XCTAssert(text.contains("not isolated, which"), text)
    host.unsafeInterrupts = .known(["iommufd"])
    let other = Readiness(try Assignment([address("0000:0a:00.0")], on: host), qemu: qemu)
    XCTAssertEqual(other.report.verdict, .yes)
    XCTAssert(PlanQEMU(other.assignment).text.contains("iommufd=iommufd0"))
    host.interruptsIsolated = .unknown("interrupt remapping", "not read")
    XCTAssertFalse(host.obstacle.isKnown)
  }

  func testWithoutIOMMUFDTheLegacyBackendIsPlanned() throws {
    var host = try RecordedHosts.host("desktop-amd-geforce")
    XCTAssert(PlanQEMU(try Assignment([address("0000:0a:00.0")], on: host)).text.contains("iommufd=iommufd0"))
    host.iommufd = .known(.absent)
    XCTAssertFalse(PlanQEMU(try Assignment([address("0000:0a:00.0")], on: host)).text.contains("iommufd"))
    XCTAssertEqual(try host.iommufdObstacle.value?.fix, "load it with `modprobe iommufd`")
    XCTAssertEqual(try verdict("0000:0a:00.0", on: host).verdict, .yes)
  }
}

extension String {
  fileprivate func components(of part: String) -> Int {
    var count = 0
    var rest = self[...]
    while let range = rest.firstRange(of: part) {
      count += 1
      rest = rest[range.upperBound...]
    }
    return count
  }
}
