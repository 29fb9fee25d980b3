import Facts
import Glibc
import Host
import XCTest

final class LiveHostTests: XCTestCase {
  private let card = PCIAddress("0000:01:00.0")

  private func card(of host: Facts.Host) throws -> HostDevice {
    try XCTUnwrap(host.devices[XCTUnwrap(card)])
  }

  func testAWholeHostIsReadWhole() throws {
    let tree = try FixtureTree()
    tree.wholeHost()
    let host = Host.live(root: tree.root)
    XCTAssertEqual(host.kernelRelease, .known("7.1.3-amd64"))
    XCTAssertEqual(host.kernelCommandLine, .known("root=/dev/sda1 intel_iommu=on"))
    XCTAssertEqual(host.kernelConfig.display?["CONFIG_IOMMUFD"], "m")
    XCTAssertEqual(host.kernelConfig.display?["CONFIG_AMD_IOMMU"], "n")
    XCTAssertEqual(host.kernelConfig.display?["CONFIG_VFIO"], "n")
    XCTAssertEqual(host.iommufd, .known(.accessible))
    XCTAssertEqual(host.vfioContainer, .known(.accessible))
    XCTAssertEqual(host.addresses.display?.count, 3)
    XCTAssertEqual(host.iommus.display?["dmar0"]?.servesDeviceTLBs, .known(false))
    XCTAssertEqual(host.iommus.display?["dmar0"]?.addressWidth, .known(39))
    let group = host.group(12)
    XCTAssertEqual(group.members.display?.map(\.description), ["0000:01:00.0", "0000:01:00.1"])
    XCTAssertEqual(group.node, .known(.accessible))
    XCTAssertEqual(group.reservedRegions, .known(["0x00000000fee00000 0x00000000feefffff msi"]))
    XCTAssertEqual(host.group(1).node, .known(.absent))
  }

  /// As gzip packs two options and one that is not set.
  private static let packedConfig: [UInt8] = {
    let digits = Array(
      ("1f8b080000000000020373f6f773f3748ff7f40b71f589f7f4f7f50d8d0f7676f47174f2718df7f577718d777175730c" +
      "f50989f7f7b3ade47286aa06a97373b1cde55256800a85b979fa2b64162be4e5972814a796700100c4da1cf658000000").utf8)
    return stride(from: 0, to: digits.count, by: 2).compactMap { at in
      UInt8(String(decoding: digits[at...(at + 1)], as: UTF8.self), radix: 16)
    }
  }()

  func testTheKernelsOwnConfigurationIsReadWhereThereIsNoOther() throws {
    let tree = try FixtureTree()
    tree.wholeHost()
    tree.file("/proc/config.gz", LiveHostTests.packedConfig)
    XCTAssertEqual(Host.live(root: tree.root).kernelConfig.display?["CONFIG_IOMMUFD"], "m")
    XCTAssertEqual(Host.live(root: tree.root).scalableMode, .known(false), "the plain file goes first")
    tree.delete("/boot/config-7.1.3-amd64")
    let host = Host.live(root: tree.root)
    XCTAssertEqual(host.kernelConfig.display?["CONFIG_IOMMUFD"], "m")
    XCTAssertEqual(host.kernelConfig.display?["CONFIG_VFIO"], "n")
    XCTAssertEqual(host.scalableMode, .known(true))
  }

  func testAConfigurationThatIsNotWholeIsUnknown() throws {
    let tree = try FixtureTree()
    tree.wholeHost()
    tree.delete("/boot/config-7.1.3-amd64")
    for packed in [[], Array(LiveHostTests.packedConfig.dropLast(5)), Array("no gzip".utf8)] {
      tree.file("/proc/config.gz", packed)
      XCTAssertFalse(Host.live(root: tree.root).kernelConfig.isKnown, "\(packed.count) bytes")
    }
  }

  func testEveryAttributeOfAFunctionIsRead() throws {
    let tree = try FixtureTree()
    tree.wholeHost()
    tree.attribute("0000:01:00.0", "boot_vga", "1\n")
    tree.attribute("0000:01:00.0", "reset_method", "flr bus\n")
    tree.attribute("0000:01:00.0", "removable", "fixed\n")
    tree.attribute("0000:01:00.0", "driver_override", "vfio-pci\n")
    tree.attribute("0000:01:00.0", "numa_node", "1\n")
    tree.link("/sys/bus/pci/devices/0000:01:00.0/virtfn0", to: "../0000:01:00.4")
    tree.link("/sys/bus/pci/devices/0000:01:00.0/virtfn10", to: "../0000:01:01.6")
    let device = try card(of: Host.live(root: tree.root))
    XCTAssertEqual(device.vendor, .known(0x10de))
    XCTAssertEqual(device.device, .known(0x2204))
    XCTAssertEqual(device.classCode, .known(0x030000))
    XCTAssertEqual(device.driver, .known("vfio-pci"))
    XCTAssertEqual(device.driverOverride, .known("vfio-pci"))
    XCTAssertEqual(device.group, .known(12))
    XCTAssertEqual(device.iommu, .known("dmar0"))
    XCTAssertEqual(device.numaNode, .known(1))
    XCTAssertEqual(device.bootVGA, .known(true))
    XCTAssertEqual(device.resetMethods, .known(["flr", "bus"]))
    XCTAssertEqual(device.removable, .known("fixed"))
    XCTAssertEqual(device.virtualFunctions.display?.map(\.description), ["0000:01:00.4", "0000:01:01.6"])
    XCTAssertEqual(device.regionSizes, .known([0x100_0000, 0x1000_0000, 0, 0, 0, 0, 0x80000]))
    XCTAssertEqual(device.config.display?.size, .known(256))
    XCTAssertEqual(device.cdev, .known(VFIOCdev(name: "vfio0", node: .known(.accessible))))
    XCTAssertEqual(device.users, .known([]))
  }

  func testAKernelThatMakesNoCdevsHasAFolderWithoutADeviceNumber() throws {
    let tree = try FixtureTree()
    tree.wholeHost()
    tree.delete("/dev/vfio/devices/vfio0")
    let away = try XCTUnwrap(card(of: Host.live(root: tree.root)).cdev.value)
    XCTAssertEqual(away, VFIOCdev(name: "vfio0", node: .known(.absent), hasNumber: .known(true)))
    tree.delete("/sys/bus/pci/devices/0000:01:00.0/vfio-dev/vfio0/dev")
    let none = try XCTUnwrap(card(of: Host.live(root: tree.root)).cdev.value)
    XCTAssertEqual(none, VFIOCdev(name: "vfio0", node: .known(.absent), hasNumber: .known(false)))
    tree.delete("/sys/bus/pci/devices/0000:01:00.0/vfio-dev/vfio0")
    XCTAssertFalse(try card(of: Host.live(root: tree.root)).cdev.isKnown, "an empty folder")
    tree.file("/sys/bus/pci/devices/0000:01:00.0/vfio-dev/noiommu-vfio0/dev", "511:0\n")
    let without = try XCTUnwrap(card(of: Host.live(root: tree.root)).cdev.value)
    XCTAssertEqual(without.name, "noiommu-vfio0")
    XCTAssertTrue(without.isNoIOMMU)
  }

  func testWhatAWholeDirectoryDoesNotHaveIsAbsent() throws {
    let tree = try FixtureTree()
    tree.wholeHost()
    tree.function("0000:02:00.0")
    let host = Host.live(root: tree.root)
    let device = try XCTUnwrap(host.devices[XCTUnwrap(PCIAddress("0000:02:00.0"))])
    XCTAssertEqual(device.driver, .known(nil))
    XCTAssertEqual(device.driverOverride, .known(nil))
    XCTAssertEqual(device.group, .known(nil))
    XCTAssertEqual(device.iommu, .known(nil))
    XCTAssertEqual(device.bootVGA, .known(nil))
    XCTAssertEqual(device.physicalFunction, .known(nil))
    XCTAssertEqual(device.virtualFunctions, .known([]))
    XCTAssertEqual(device.resetMethods, .known([]))
    XCTAssertEqual(device.removable, .known(nil))
    XCTAssertEqual(device.cdev, .known(nil))
    XCTAssertEqual(device.users, .known([]))
  }

  func testInAPartialViewNothingIsAbsent() throws {
    let tree = try FixtureTree()
    tree.wholeHost()
    tree.delete("/sys/bus/pci/devices/0000:01:00.0/config")
    tree.delete("/sys/bus/pci/devices/0000:01:00.0/driver")
    let device = try card(of: Host.live(root: tree.root))
    guard case .unknown(let unknown) = device.driver else { return XCTFail("known: \(device.driver)") }
    XCTAssertTrue(unknown.reason.contains("partial view: it has no `config`"), unknown.reason)
    XCTAssertEqual(unknown.fact, "driver of 0000:01:00.0")
    XCTAssertFalse(device.config.isKnown)
    XCTAssertEqual(device.vendor, .known(0x10de), "what is shown is still read")
  }

  func testAKernelThatDoesNotNameResetMethodsLeavesThemUnknown() throws {
    let tree = try FixtureTree()
    tree.wholeHost()
    tree.attribute("0000:01:00.0", "reset", "")
    XCTAssertFalse(try card(of: Host.live(root: tree.root)).resetMethods.isKnown)
  }

  func testNonsenseInAnAttributeIsUnknownAndShown() throws {
    let tree = try FixtureTree()
    tree.wholeHost()
    tree.attribute("0000:01:00.0", "vendor", "lots\n")
    tree.attribute("0000:01:00.0", "resource", "0x0 0xffffffffffffffff 0x1\n")
    let device = try card(of: Host.live(root: tree.root))
    guard case .unknown(let unknown) = device.vendor else { return XCTFail("known: \(device.vendor)") }
    XCTAssertTrue(unknown.reason.contains("`lots`"), unknown.reason)
    XCTAssertFalse(device.regionSizes.isKnown)
  }

  func testAnEmptyFolderKnowsNothingOfTheHost() throws {
    let tree = try FixtureTree()
    let host = Host.live(root: tree.root)
    XCTAssertFalse(host.addresses.isKnown)
    XCTAssertFalse(host.iommus.isKnown)
    XCTAssertFalse(host.kernelRelease.isKnown)
    XCTAssertFalse(host.iommufd.isKnown, "there is no /dev that could lack it")
    XCTAssertTrue(host.devices.isEmpty)
  }

  func testANodeIsAbsentWhenDevCanBeReadAndLacksIt() throws {
    let tree = try FixtureTree()
    tree.directory("/dev")
    let host = Host.live(root: tree.root)
    XCTAssertEqual(host.iommufd, .known(.absent))
    XCTAssertEqual(host.kvm, .known(.absent))
    XCTAssertEqual(host.vfioContainer, .known(.absent))
  }

  func testAFunctionThatLeavesDuringTheScanIsUnknownNotACrash() throws {
    let tree = try FixtureTree()
    tree.wholeHost()
    // A device that is going leaves this for a moment: the link in the bus's list, without the directory.
    tree.delete("/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0")
    let device = try card(of: Host.live(root: tree.root))
    guard case .unknown(let unknown) = device.driver else { return XCTFail("known: \(device.driver)") }
    XCTAssertTrue(unknown.reason.contains("No such file or directory"), unknown.reason)
  }

  func testOnlyReadsTheNamedFunctionAndItsGroup() throws {
    let tree = try FixtureTree()
    tree.wholeHost()
    tree.function("0000:02:00.0", group: 13)
    let host = Host.live(root: tree.root, only: [try XCTUnwrap(card)])
    XCTAssertEqual(host.devices.keys.sorted().map(\.description), ["0000:01:00.0", "0000:01:00.1"])
    XCTAssertEqual(host.addresses.display?.count, 4)
    XCTAssertEqual(host.groups.keys.sorted(), [12])
    let other = try XCTUnwrap(PCIAddress("0000:02:00.0"))
    XCTAssertFalse(try XCTUnwrap(host.device(at: other).value).driver.isKnown)
    XCTAssertNil(try host.device(at: XCTUnwrap(PCIAddress("0000:7f:00.0"))).value)
  }

  func testOnlyReadsTheParentOfAVirtualFunctionToo() throws {
    let tree = try FixtureTree()
    tree.wholeHost()
    tree.function("0000:02:00.0", driver: "ice", group: 20)
    tree.function("0000:02:01.0", driver: "vfio-pci", group: 21)
    tree.link("/sys/bus/pci/devices/0000:02:01.0/physfn", to: "../0000:02:00.0")
    let virtual = try XCTUnwrap(PCIAddress("0000:02:01.0"))
    let host = Host.live(root: tree.root, only: [virtual])
    XCTAssertEqual(host.devices[virtual]?.physicalFunction, .known(PCIAddress("0000:02:00.0")))
    XCTAssertEqual(try host.devices[XCTUnwrap(PCIAddress("0000:02:00.0"))]?.driver, .known("ice"))
  }

  /// The other functions of a bus matter where a function has no reset of its own; no bus of a root complex is reset.
  func testOnlyReadsTheRestOfABusThatCanBeReset() throws {
    let tree = try FixtureTree()
    tree.wholeHost()
    tree.function("0000:00:02.0", driver: "i915", group: 2)
    tree.function("0000:01:01.0", below: ["0000:00:01.0"], group: 13)
    for (only, read) in [("0000:00:02.0", ["0000:00:02.0"]), ("0000:01:01.0", ["0000:01:00.0", "0000:01:00.1", "0000:01:01.0"])] {
      let host = Host.live(root: tree.root, only: [try XCTUnwrap(PCIAddress(only))])
      XCTAssertEqual(host.devices.keys.sorted().map(\.description), read)
    }
  }

  func testThisVeryHostCanBeReadAndRecorded() throws {
    let host = Host.live()
    let text = HostRecording.render(host)
    let again = try HostRecording.parse(Array(text.utf8), source: "again")
    XCTAssertEqual(HostRecording.render(again), text)
    XCTAssertTrue(host.kernelRelease.isKnown)
  }
}
