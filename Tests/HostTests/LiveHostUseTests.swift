import Facts
import Host
import XCTest

/// The host's use of its devices, from trees that look like /sys and /proc.
final class LiveHostUseTests: XCTestCase {
  private let disk = "/sys/devices/pci0000:00/0000:00:01.0/0000:02:00.0"

  /// A host with a disk on its own driver, in the first namespaces.
  private func host() throws -> FixtureTree {
    let tree = try FixtureTree()
    tree.wholeHost()
    for kind in ["mnt", "net"] {
      tree.link("/proc/self/ns/\(kind)", to: "\(kind):[4026531840]")
      tree.link("/proc/1/ns/\(kind)", to: "\(kind):[4026531840]")
    }
    tree.function("0000:02:00.0", below: ["0000:00:01.0"], driver: "nvme", group: 20)
    tree.attribute("0000:02:00.0", "class", "0x010802\n")
    tree.block("nvme0n1", at: "../../devices/pci0000:00/0000:00:01.0/0000:02:00.0/nvme/nvme0/nvme0n1", number: "259:0")
    tree.block(
      "nvme0n1p1", at: "../../devices/pci0000:00/0000:00:01.0/0000:02:00.0/nvme/nvme0/nvme0n1/nvme0n1p1", number: "259:1")
    tree.file("/proc/self/mountinfo", "21 1 0:19 / /proc rw - proc proc rw\n")
    tree.file("/proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n")
    tree.directory("/sys/class/net")
    tree.directory("/sys/fs")
    tree.file("/proc/net/route", "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n")
    return tree
  }

  private func uses(_ tree: FixtureTree, _ address: String = "0000:02:00.0") throws -> Known<[HostUse]> {
    let wanted = try XCTUnwrap(PCIAddress(address))
    return try XCTUnwrap(Host.live(root: tree.root, only: [wanted]).devices[wanted]).hostUses
  }

  func testAnUnusedDiskIsUnused() throws {
    let tree = try host()
    XCTAssertEqual(try uses(tree), .known([]))
  }

  func testAMountedPartitionAndSwap() throws {
    let tree = try host()
    tree.file("/proc/self/mountinfo", "30 1 259:1 / /mnt/my\\040disk rw shared:1 - ext4 /dev/nvme0n1p1 rw\n")
    tree.file("/proc/swaps", "Filename Type Size Used Priority\n/dev/nvme0n1 partition 1 0 -2\n")
    XCTAssertEqual(try uses(tree), .known([HostUse(.swap, "nvme0n1"), HostUse(.mount, "nvme0n1p1", "/mnt/my disk")]))
  }

  func testAVolumeOnARAIDOnAPartition() throws {
    let tree = try host()
    tree.block("md127", at: "../../devices/virtual/block/md127", number: "9:127", madeOf: ["nvme0n1p1"])
    tree.block("dm-0", at: "../../devices/virtual/block/dm-0", number: "254:0", madeOf: ["md127"])
    tree.file("/sys/class/block/dm-0/dm/name", "vg-root\n")
    tree.file("/proc/self/mountinfo", "30 1 254:0 / / rw shared:1 - xfs /dev/mapper/vg-root rw\n")
    let found = try uses(tree).value
    XCTAssertTrue(found.contains(HostUse(.member, "nvme0n1p1", "md127")), "\(found)")
    XCTAssertTrue(found.contains(HostUse(.member, "md127", "vg-root")), "\(found)")
    XCTAssertTrue(found.contains(HostUse(.mount, "dm-0", "/")), "\(found)")
  }

  func testANamespaceWithSeveralPathsIsOnAllItsControllers() throws {
    let tree = try host()
    tree.delete("/sys/class/block")
    tree.block(
      "nvme0n1", at: "../../devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1", number: "259:0")
    tree.link("/sys/class/nvme-subsystem/nvme-subsys0/nvme0", to: "../../../pci0000:00/0000:00:01.0/0000:02:00.0/nvme/nvme0")
    tree.file("/proc/self/mountinfo", "30 1 259:0 / /srv rw - ext4 /dev/nvme0n1 rw\n")
    XCTAssertEqual(try uses(tree), .known([HostUse(.mount, "nvme0n1", "/srv")]))
  }

  func testAnySlotOfAnHBAsDisksCounts() throws {
    let tree = try host()
    for (index, name) in ["sda", "sdb"].enumerated() {
      tree.block(
        name, at: "../../devices/pci0000:00/0000:00:01.0/0000:02:00.0/host0/target0:0:\(index)/block/\(name)", number: "8:\(index * 16)")
    }
    tree.file("/proc/self/mountinfo", "30 1 0:40 / /data rw - btrfs /dev/sda rw\n")
    tree.directory("/sys/fs/btrfs/0b6cf2b4-66c0-4a7e-8d33-3d0c1a7c5f11/devices/sdb")
    XCTAssertEqual(try uses(tree), .known([HostUse(.mount, "sda", "/data"), HostUse(.mount, "sdb", "btrfs")]))
  }

  /// Only udev's record of a block device says that it belongs to a pool.
  func testADiskOfAnImportedPoolIsInUse() throws {
    let tree = try host()
    tree.file("/proc/spl/kstat/zfs/arcstats", "")
    XCTAssertEqual(try uses(tree), .known([]), "no pool is imported")
    tree.file("/proc/spl/kstat/zfs/tank/state", "ONLINE\n")
    guard case .unknown(let unknown) = try uses(tree) else { return XCTFail("it may be a disk of the pool") }
    XCTAssertEqual(unknown.reason, "a ZFS pool is imported, and udev does not show its devices")
    tree.file("/run/udev/data/b259:0", "E:ID_FS_TYPE=ext4\n")
    tree.file("/run/udev/data/b259:1", "E:ID_FS_TYPE=ext4\n")
    XCTAssertEqual(try uses(tree), .known([]), "the pool is on other disks")
    tree.file("/run/udev/data/b259:1", "E:ID_FS_LABEL=tank\nE:ID_FS_TYPE=zfs_member\n")
    XCTAssertEqual(try uses(tree), .known([HostUse(.member, "nvme0n1p1", "zfs")]))
  }

  func testInAnotherMountNamespaceNothingIsUnused() throws {
    let tree = try host()
    tree.delete("/proc/1/ns/mnt")
    tree.link("/proc/1/ns/mnt", to: "mnt:[4026532999]")
    XCTAssertFalse(try uses(tree).isKnown)
    tree.delete("/proc/1/ns/mnt")
    XCTAssertFalse(try uses(tree).isKnown, "that it cannot be read is no sameness")
    tree.file("/proc/self/mountinfo", "30 1 259:1 / /a rw - ext4 /dev/nvme0n1p1 rw\n")
    XCTAssertEqual(try uses(tree), .known([HostUse(.mount, "nvme0n1p1", "/a")]), "what is found counts")
  }

  private func card(_ tree: FixtureTree) {
    tree.function("0000:03:00.0", below: ["0000:00:01.0"], driver: "ice", group: 21)
    tree.attribute("0000:03:00.0", "class", "0x020000\n")
  }

  func testTheDefaultRouteThroughABridgeOnABond() throws {
    let tree = try host()
    card(tree)
    tree.link("/sys/class/net/eth0", to: "../../devices/pci0000:00/0000:00:01.0/0000:03:00.0/net/eth0")
    tree.file("/sys/devices/pci0000:00/0000:00:01.0/0000:03:00.0/net/eth0/upper_bond0", "")
    tree.file("/sys/class/net/bond0/upper_br0", "")
    tree.directory("/sys/class/net/br0")
    tree.file(
      "/proc/net/route",
      "Iface Destination Gateway Flags RefCnt Use Metric Mask\nbr0 00000000 0101A8C0 0003 0 0 0 00000000 0 0 0\n"
        + "br0 0001A8C0 00000000 0001 0 0 0 00FFFFFF 0 0 0\neth9 0000FEA9 00000000 0001 0 0 0 0000FFFF 0 0 0\n")
    XCTAssertEqual(
      try uses(tree, "0000:03:00.0"),
      .known([HostUse(.member, "eth0", "bond0"), HostUse(.defaultRoute, "eth0", "br0"), HostUse(.address, "eth0", "br0")]))
  }

  func testVersion6AddressesAndRoutesCount() throws {
    let tree = try host()
    card(tree)
    tree.link("/sys/class/net/eth0", to: "../../devices/pci0000:00/0000:00:01.0/0000:03:00.0/net/eth0")
    tree.directory("/sys/devices/pci0000:00/0000:00:01.0/0000:03:00.0/net/eth0")
    let zero = String(repeating: "0", count: 32)
    tree.file("/proc/net/ipv6_route", "\(zero) 00 \(zero) 00 fe80 00000400 1 0 00000003 eth0\n")
    tree.file("/proc/net/if_inet6", "20010db8000000000000000000000001 02 40 00 80 eth0\nfe80 02 40 20 80 eth0\n")
    XCTAssertEqual(try uses(tree, "0000:03:00.0"), .known([HostUse(.defaultRoute, "eth0"), HostUse(.address, "eth0")]))
  }

  /// Its interface may be in a container's network namespace.
  func testACardWithoutAnInterfaceIsNotUnused() throws {
    let tree = try host()
    card(tree)
    XCTAssertFalse(try uses(tree, "0000:03:00.0").isKnown)
  }

  func testWhatIsBoundToVfioOrToNothingIsUnused() throws {
    let tree = try host()
    XCTAssertEqual(try uses(tree, "0000:01:00.0"), .known([]))
  }

  /// An NVSwitch has the class of a bridge and an endpoint's header.
  func testADeviceOfABridgesClassIsRead() throws {
    let tree = try host()
    tree.function("0000:03:00.0", below: ["0000:00:01.0"], driver: "nvidia-nvswitch", group: 21)
    tree.attribute("0000:03:00.0", "class", "0x068000\n")
    XCTAssertEqual(try uses(tree, "0000:03:00.0"), .known([]))
  }

  /// Advice about a group must not take a member that the host uses.
  func testTheUseOfTheOtherMembersOfAGroupIsRead() throws {
    let tree = try host()
    tree.function("0000:03:00.0", below: ["0000:00:01.0"], driver: "vfio-pci", group: 20)
    tree.file("/proc/self/mountinfo", "30 1 259:1 / /srv rw shared:1 - ext4 /dev/nvme0n1p1 rw\n")
    let wanted = try XCTUnwrap(PCIAddress("0000:03:00.0")), sibling = try XCTUnwrap(PCIAddress("0000:02:00.0"))
    let host = Host.live(root: tree.root, only: [wanted])
    XCTAssertEqual(host.devices[sibling]?.hostUses, .known([HostUse(.mount, "nvme0n1p1", "/srv")]))
  }

  func testAFramebufferIsInABARWhicheverOfTheTwoIsShownInside() throws {
    for nested in ["  0000:01:00.0\n      00000000-00000000 : BOOTFB", "  BOOTFB\n      00000000-00000000 : 0000:01:00.0"] {
      let tree = try host()
      tree.file("/proc/iomem", "00000000-00000000 : PCI Bus 0000:01\n  00000000-00000000 :" + nested + "\n")
      let device = try XCTUnwrap(Host.live(root: tree.root).devices[XCTUnwrap(PCIAddress("0000:01:00.0"))])
      XCTAssertEqual(device.bootFramebuffer, .known("BOOTFB"), nested)
    }
  }

  func testWithoutIomemTheFramebufferIsUnknown() throws {
    let tree = try host()
    let device = try XCTUnwrap(Host.live(root: tree.root).devices[XCTUnwrap(PCIAddress("0000:01:00.0"))])
    XCTAssertFalse(device.bootFramebuffer.isKnown)
    XCTAssertEqual(device.hasShadowROM, .known(false))
  }

  func testVariantDriversAreThoseOfTheDevice() throws {
    let tree = try host()
    tree.file(
      "/lib/modules/7.1.3-amd64/modules.alias",
      "# Aliases\nalias pci:v000010DEd00002204sv*sd*bc*sc*i* nouveau\n"
        + "alias vfio_pci:v000010DEd00002204sv*sd*bc*sc*i* nvgrace_gpu_vfio_pci\nalias vfio_pci:v*d*sv*sd*bc*sc*i* vfio_pci")
    let host = Host.live(root: tree.root)
    XCTAssertEqual(try host.devices[XCTUnwrap(PCIAddress("0000:01:00.0"))]?.variantDrivers, .known(["nvgrace_gpu_vfio_pci"]))
  }

  /// Files that may show a use, and cannot be read: a file where the kernel has a folder or a link, or a folder where it has
  /// a file. None of them is read as "not in use".
  func testWhatCannotBeReadIsAGap() throws {
    let block = "/sys/class/block"
    let gaps: [(String, (FixtureTree) -> Void)] = [
      ("\(block)/sdx", { $0.file("\(block)/sdx", "") }),
      ("\(block)/dm-0/slaves", { tree in
        tree.block("dm-0", at: "../../devices/virtual/block/dm-0", number: "254:0")
        tree.file("\(block)/dm-0/slaves", "")
      }),
      ("\(block)/loop0/loop/backing_file", { tree in
        tree.block("loop0", at: "../../devices/virtual/block/loop0", number: "7:0")
        tree.directory("\(block)/loop0/loop/backing_file")
      }),
      ("\(block)/nvme0n1/dev", { tree in
        tree.delete("\(block)/nvme0n1/dev")
        tree.directory("\(block)/nvme0n1/dev")
      }),
      ("/sys/fs/ext4", { $0.file("/sys/fs/ext4", "") }),
      ("/sys/fs/btrfs", { $0.file("/sys/fs/btrfs", "") }),
      ("/sys/fs/btrfs/1-2/devices", { $0.file("/sys/fs/btrfs/1-2/devices", "") }),
      ("/proc/spl", { $0.file("/proc/spl", "") }),
      ("/proc/spl/kstat/zfs", { $0.file("/proc/spl/kstat/zfs", "") }),
      ("/sys/class/net/eth0", { $0.file("/sys/class/net/eth0", "") }),
      ("/proc/net/ipv6_route", { $0.directory("/proc/net/ipv6_route") }),
      ("/proc/net/if_inet6", { $0.directory("/proc/net/if_inet6") }),
    ]
    for (path, damage) in gaps {
      let tree = try host()
      damage(tree)
      guard case .unknown(let unknown) = try uses(tree) else {
        XCTFail("\(path) cannot be read, and the disk was reported as not in use")
        continue
      }
      XCTAssertTrue(unknown.reason.contains(path), "\(path): \(unknown.reason)")
    }
  }

  /// Bonding adds a file to the interfaces; a file system without a module has no folder.
  func testWhatAHostMayLackIsNoGap() throws {
    let tree = try host()
    tree.file("/sys/class/net/bonding_masters", "\n")
    tree.file("/sys/fs/btrfs/features/raid1c34", "0\n")
    XCTAssertEqual(try uses(tree), .known([]))
  }
}

extension FixtureTree {
  /// A block device: its link, as in /sys/class/block, and its folder.
  fileprivate func block(_ name: String, at target: String, number: String, madeOf slaves: [String]? = nil) {
    let folder = "/sys/" + target.dropFirst("../../".count)
    file("\(folder)/dev", number + "\n")
    for slave in slaves ?? [] { directory("\(folder)/slaves/\(slave)") }
    link("/sys/class/block/\(name)", to: target)
  }
}
