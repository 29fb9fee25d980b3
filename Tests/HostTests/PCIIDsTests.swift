import Facts
import Host
import XCTest

/// Names from the machine's list of PCI ids.
final class PCIIDsTests: XCTestCase {
  private static let list = """
    # a comment
    10de  NVIDIA Corporation
    \t2204  GA102 [GeForce RTX 3090]
    \t\t1043 87b3  a subsystem
    \t2205  another
    8086  Intel Corporation
    \t2204  not this one
    C 03  Display controller
    \t00  VGA compatible controller
    \t\t00  VGA controller
    C 04  Multimedia controller
    """

  private func host(_ tree: FixtureTree, vendor: UInt16 = 0x10de, model: UInt16 = 0x2204, code: UInt32 = 0x030000) throws
    -> (Facts.Host, PCIAddress)
  {
    var host = Host(nothingKnown: "not read", source: "test")
    let address = try XCTUnwrap(PCIAddress("0000:01:00.0"))
    var device = HostDevice(address, nothingKnown: "not read")
    device.vendor = .known(vendor)
    device.device = .known(model)
    device.classCode = .known(code)
    host.devices[address] = device
    host.readNames(root: tree.root)
    return (host, address)
  }

  func testNamesAreThoseOfTheIdsAndNotOfOtherVendorsOrSubsystems() throws {
    for path in ["/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids"] {
      let tree = try FixtureTree()
      tree.file(path, PCIIDsTests.list)
      let (host, address) = try host(tree)
      XCTAssertEqual(host.devices[address]?.vendorName, .known("NVIDIA Corporation"))
      XCTAssertEqual(host.devices[address]?.deviceName, .known("GA102 [GeForce RTX 3090]"))
      XCTAssertEqual(host.devices[address]?.className, .known("VGA compatible controller"))
    }
  }

  func testWhatTheListDoesNotHaveIsKnownToHaveNoName() throws {
    let tree = try FixtureTree()
    tree.file("/usr/share/misc/pci.ids", PCIIDsTests.list)
    let (host, address) = try host(tree, vendor: 0x8086, model: 0x9999, code: 0x040300)
    XCTAssertEqual(host.devices[address]?.vendorName, .known("Intel Corporation"))
    XCTAssertEqual(host.devices[address]?.deviceName, .known(nil))
    // The base class's name.
    XCTAssertEqual(host.devices[address]?.className, .known("Multimedia controller"))
  }

  func testWithoutAListNamesAreUnknown() throws {
    let (host, address) = try host(try FixtureTree())
    XCTAssertEqual(
      host.devices[address]?.deviceName,
      .unknown(
        "list of PCI ids", "/usr/share/misc/pci.ids and /usr/share/hwdata/pci.ids: No such file or directory"))
  }
}
