import Facts
import XCTest

@testable import Prediction

/// Branches of the attach of one device, each with one fact of the host changed.
final class AttachTests: XCTestCase {
  private let legacy = "-device vfio-pci,host=0000:01:00.0,bus=pcie.0,addr=3"
  private let iommufd = "-object iommufd,id=io0 -device vfio-pci,host=0000:01:00.0,bus=pcie.0,addr=3,iommufd=io0"

  private func predict(_ options: String, _ change: (inout Facts.Host) -> Void) -> RealizePrediction? {
    var host = Machines.host()
    change(&host)
    return Machines.predict(options, on: host).last
  }

  private func check(
    _ options: String, _ cause: FailureCause?, line: UInt = #line, _ change: (inout Facts.Host) -> Void
  ) {
    let one = predict(options, change)
    XCTAssertEqual(one?.failure?.cause, cause, line: line)
    XCTAssertEqual(one?.realize, cause == nil ? .ok : .fails, "\(one?.unknowns ?? [])", line: line)
  }

  private func checkBoth(_ cause: FailureCause?, line: UInt = #line, _ change: (inout Facts.Host) -> Void) {
    for options in [legacy, iommufd] { check(options, cause, line: line, change) }
  }

  private func sibling(_ host: inout Facts.Host, driver: String?, class code: UInt32? = nil, header: UInt8 = 0) {
    host.devices[Machines.sibling]?.driver = .known(driver)
    if let code { host.devices[Machines.sibling]?.classCode = .known(code) }
    host.devices[Machines.sibling]?.config = config(header: header)
  }

  private func config(header: UInt8) -> Known<ConfigSpace> {
    var bytes = [UInt8](repeating: 0, count: 256)
    bytes[0x0e] = header
    return .known(ConfigSpace(bytes, size: .known(256)))
  }

  /// Recorded with QEMU 7.2.22: the kernel has one spelling, and QEMU opens the path unchanged.
  func testAPathThatIsNotSpeltAsTheKernelDoesNamesNoDevice() {
    for (name, exists) in [
      ("0000:01:00.0", true), ("0000:01:00.0/", true), ("01:00.0", false), ("0000:0A:00.0", false), ("00000:01:00.0", false),
    ] {
      let path = "/sys/bus/pci/devices/\(name)"
      let one = predict("-device vfio-pci,sysfsdev=\(path),bus=pcie.0,addr=3") { _ in }
      XCTAssertEqual(one?.realize, exists ? .ok : .fails, name)
      XCTAssertEqual(
        one?.failure?.text, exists ? nil : "vfio \(path): no such host device: No such file or directory", name)
    }
  }

  func testAGroupIsViableBesideABridgeAndNotBesideADeviceOfTheHost() {
    checkBoth(.groupNotViable) { sibling(&$0, driver: "snd_hda_intel", class: 0x040300) }
    checkBoth(nil) { sibling(&$0, driver: "a_bridge_driver", class: 0x060400, header: 1) }
    checkBoth(nil) { sibling(&$0, driver: "a_bridge_driver", class: 0x060900, header: 0x81) }
    // An NVSwitch, an LPC controller and a host bridge have an endpoint's header.
    for code: UInt32 in [0x068000, 0x060100, 0x060000] {
      checkBoth(.groupNotViable) { sibling(&$0, driver: "a_driver", class: code) }
    }
    checkBoth(nil) { sibling(&$0, driver: "pci-stub") }
    checkBoth(nil) { sibling(&$0, driver: "pcieport") }
    checkBoth(nil) { sibling(&$0, driver: "nvgrace-gpu-vfio-pci") }
    checkBoth(nil) { sibling(&$0, driver: nil) }
    checkBoth(nil) {
      sibling(&$0, driver: "another")
      $0.devices[Machines.sibling]?.cdev = .known(VFIOCdev(name: "vfio1", node: .known(.accessible)))
    }
  }

  func testABridgeThatIsNotKnownToBeOneLeavesTheGroupOpen() {
    for options in [legacy, iommufd] {
      let one = predict(options) {
        sibling(&$0, driver: "another")
        $0.devices[Machines.sibling]?.classCode = .unknown("class", "not in the test")
        $0.devices[Machines.sibling]?.config = .unknown("config", "not in the test")
      }
      XCTAssertEqual(one?.realize, .undetermined)
    }
  }

  func testUnsafeInterruptsAreAllowedForEachModuleAlone() {
    func unsafe(_ modules: [String]) -> (inout Facts.Host) -> Void {
      return {
        $0.interruptsIsolated = .known(false)
        $0.unsafeInterrupts = .known(modules)
      }
    }
    checkBoth(.unsafeInterrupts, unsafe([]))
    check(legacy, nil, unsafe(["vfio_iommu_type1"]))
    check(iommufd, .unsafeInterrupts, unsafe(["vfio_iommu_type1"]))
    check(legacy, .unsafeInterrupts, unsafe(["iommufd"]))
    check(iommufd, nil, unsafe(["iommufd"]))
    checkBoth(nil) { $0.unsafeInterrupts = .known([]) }
    for options in [legacy, iommufd] {
      let one = predict(options) {
        $0.interruptsIsolated = .known(false)
        $0.unsafeInterrupts = .unknown("allow_unsafe_interrupts", "not in the test")
      }
      XCTAssertEqual(one?.realize, .undetermined)
    }
  }

  func testNodesOfTheLegacyBackend() {
    check(legacy, .groupNodeMissing) { $0.groups[1]?.node = .known(.absent) }
    check(legacy, .groupNodeDenied) { $0.groups[1]?.node = .known(.denied) }
    check(iommufd, nil) { $0.groups[1]?.node = .known(.denied) }
    check(legacy, .containerDenied) { $0.vfioContainer = .known(.absent) }
    check(iommufd, nil) { $0.vfioContainer = .known(.denied) }
    checkBoth(nil) { $0.devices[Machines.address]?.driverOverride = .known(nil) }
    check(legacy, .notBound) {
      $0.devices[Machines.address]?.driver = .known(nil)
      $0.devices[Machines.address]?.cdev = .known(nil)
    }
    check(legacy, .noGroup) { $0.devices[Machines.address]?.group = .known(nil) }
    check(iommufd, .noGroup) { $0.devices[Machines.address]?.group = .known(nil) }
  }

  func testNodesOfIOMMUFD() {
    func cdev(_ node: NodeAccess, number: Bool) -> (inout Facts.Host) -> Void {
      return { $0.devices[Machines.address]?.cdev = .known(VFIOCdev(name: "vfio0", node: .known(node), hasNumber: .known(number))) }
    }
    check(iommufd, .cdevNodeMissing, cdev(.absent, number: true))
    check(iommufd, .noCdev, cdev(.absent, number: false))
    check(iommufd, .cdevDenied, cdev(.denied, number: true))
    check(iommufd, .noCdev) { $0.devices[Machines.address]?.cdev = .known(nil) }
    check(iommufd, .iommufdDenied) { $0.iommufd = .known(.denied) }
    check(iommufd, .iommufdMissing) { $0.iommufd = .known(.absent) }
    check(legacy, nil) { $0.iommufd = .known(.denied) }
  }

  func testAHolderOfTheGroupKeepsItInUse() {
    func held(_ address: PCIAddress, _ node: ProcessReference.Node) -> (inout Facts.Host) -> Void {
      return { $0.devices[address]?.users = .known([ProcessReference(pid: 7, name: "qemu", node: node)]) }
    }
    for node in ProcessReference.Node.allCases {
      checkBoth(.inUse, held(Machines.address, node))
      checkBoth(.inUse, held(Machines.sibling, node))
    }
    let suffix: (RealizePrediction?) -> Substring? = { $0?.failure?.text.split(separator: ":").last }
    XCTAssertEqual(suffix(predict(iommufd, held(Machines.address, .group))), " Device or resource busy")
    XCTAssertEqual(suffix(predict(iommufd, held(Machines.address, .cdev))), " Invalid argument")
    XCTAssertEqual(suffix(predict(iommufd, held(Machines.sibling, .cdev))), " Operation not permitted")
  }

  func testAVirtualFunctionOfAnAssignedPhysicalFunctionNeedsAToken() {
    func owned(by driver: String) -> (inout Facts.Host) -> Void {
      return {
        $0.devices[Machines.address]?.physicalFunction = .known(Machines.sibling)
        $0.devices[Machines.sibling]?.driver = .known(driver)
      }
    }
    checkBoth(.badToken, owned(by: "vfio-pci"))
    checkBoth(nil, owned(by: "pci-stub"))
    // A token for a function that has no SR-IOV capability, and is not a VF of an assigned PF.
    check(legacy + ",vf-token=auto", .badToken) { _ in }
    check(iommufd + ",vf-token=auto", nil) { _ in }
  }

  func testMemoryIsLockedOnceForEachAddressSpaceUpToTheLimit() {
    func limit(_ mebibytes: UInt64) -> (inout Facts.Host) -> Void {
      return {
        $0.user = .known("uid 107")
        $0.memlock = .known(mebibytes << 20)
      }
    }
    let ram = "-m 1G "
    check(ram + legacy, nil, limit(1024))
    check(ram + legacy, .memoryLimit, limit(1023))
    check(ram + iommufd, .memoryLimit, limit(1023))
    check(ram + legacy, nil) {
      limit(1)(&$0)
      $0.user = .known("root")
    }
    // Behind an IOMMU each of two devices has a space of its own.
    let unit = ram + "-device intel-iommu,caching-mode=on,aw-bits=48 "
    let two = legacy + " -device vfio-pci,host=0000:01:00.1,bus=pcie.0,addr=4"
    func bind(_ host: inout Facts.Host) {
      host.devices[Machines.sibling]?.driver = .known("vfio-pci")
      // A group of its own: one group is in one address space.
      var group = IOMMUGroup(2, nothingKnown: "not in the test")
      group.members = .known([Machines.sibling])
      group.node = .known(.accessible)
      host.groups[1]?.members = .known([Machines.address])
      host.groups[2] = group
      host.devices[Machines.sibling]?.group = .known(2)
    }
    check(unit + two, .memoryLimit) { limit(2047)(&$0); bind(&$0) }
    check(unit + two, nil) { limit(2048)(&$0); bind(&$0) }
    check(ram + two, nil) { limit(1024)(&$0); bind(&$0) }
  }

  func testACdevWithoutAnIOMMUIsNotFound() {
    let one = predict(iommufd) { $0.devices[Machines.address]?.cdev = .known(VFIOCdev(name: "noiommu-vfio0", node: .known(.accessible))) }
    XCTAssertEqual(
      one?.failure?.text, "vfio 0000:01:00.0: vfio /sys/bus/pci/devices/0000:01:00.0/vfio-dev: failed to find vfio-dev/vfioX/dev")
  }

  func testPrivateMemoryNeedsQEMU92() {
    let guest = "-machine q35,confidential-guest-support=c0 -object sev-snp-guest,id=c0 "
    func fails(_ options: String, _ qemu: QEMUProfile) -> FailureCause? {
      Machines.predict(options, on: Machines.host(), qemu: qemu).last?.failure?.cause
    }
    XCTAssertEqual(fails(guest + legacy, .released(9, 1, "9.1.0")), .discardRefused)
    XCTAssertEqual(fails(guest + iommufd, .released(9, 1, "9.1.0")), .discardRefused)
    XCTAssertNil(fails(guest + legacy, .released(9, 2, "9.2.0")))
    XCTAssertNil(fails(guest.split(separator: "-snp").joined() + legacy, .released(9, 1, "9.1.0")))
    XCTAssertNil(fails("-object sev-snp-guest,id=c0 " + legacy, .released(9, 1, "9.1.0")))
  }

  func testABalloonADisplayAndMigrationAreNotForVFIOPCI() {
    check(legacy + ",x-balloon-allowed=off", nil) { _ in }
    check(legacy + ",display=on", .noDisplay) { _ in }
    check(legacy + ",enable-migration=on", .noMigration) { _ in }
    let variant = predict(legacy + ",enable-migration=on") { $0.devices[Machines.address]?.driver = .known("mlx5_vfio_pci") }
    XCTAssertEqual(variant?.realize, .undetermined)
  }

  func testAManagedDeviceIsBoundByLibvirtAndABridgeIsNot() {
    func prepared(_ code: Known<UInt32>, header: UInt8? = nil) -> HostDevice? {
      var host = Machines.host()
      host.devices[Machines.address]?.driver = .known("nvidia")
      host.devices[Machines.address]?.cdev = .known(nil)
      host.devices[Machines.address]?.classCode = code
      host.devices[Machines.address]?.config = header.map(config) ?? .unknown("config", "not in the test")
      var machine = Machines.parse("qemu-system-x86_64 \(legacy)").machine
      machine.devices[0].libvirt = LibvirtHostdev(isManaged: true, driverModel: nil)
      return host.prepared(by: machine).devices[Machines.address]
    }
    XCTAssertEqual(prepared(.known(0x030000))?.driver.display??.hasPrefix("vfio-pci"), true)
    XCTAssertEqual(prepared(.known(0x068000), header: 0)?.driver.display??.hasPrefix("vfio-pci"), true)
    XCTAssertEqual(prepared(.known(0x060400))?.driver, .known("nvidia"))
    XCTAssertEqual(prepared(.known(0x030000), header: 1)?.driver, .known("nvidia"))
    XCTAssertEqual(prepared(.unknown("class", "not in the test"))?.driver.isKnown, false)
  }
}
