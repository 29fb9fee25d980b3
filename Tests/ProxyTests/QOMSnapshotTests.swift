import Facts
import Syntax
import XCTest

@testable import Proxy

/// The guest's PCI topology as QEMU reports it.
final class QOMSnapshotTests: XCTestCase {
  /// QEMU's text has `(null)` for a device without an id.
  func testADeviceWithoutAnIdIsReadAsSuch() throws {
    func device(_ slot: Int64, _ id: JSON) -> JSON {
      ["slot": .integer(slot), "function": 0, "qdev_id": id, "class_info": ["desc": "Ethernet controller"]]
    }
    let answers: [JSON] = [
      [], [["bus": 0, "devices": [device(3, ""), device(4, "n")]]], [:], [["name": "n", "type": "child<e1000e>"]], [], [],
      "pc-q35-11.1-machine", [:], false,
    ]
    let bus = try XCTUnwrap(QOMSnapshot(answers.map { .success($0) }).guest().bus(named: "pcie.0"))
    XCTAssertNil(bus.occupants[3 * 8]?.id)
    XCTAssertEqual(bus.occupants[3 * 8]?.driver, "Ethernet controller")
    XCTAssertEqual(bus.occupants[4 * 8]?.id, "n")
    XCTAssertEqual(bus.occupants[4 * 8]?.driver, "e1000e")
  }

  /// QEMU reports the host function of a device that was given one, and none of a device that was given a descriptor.
  func testTheHostFunctionOfEachVFIODevice() throws {
    let none: JSON = "ffff:ff:ff.f"
    let devices: [(id: String, properties: [String: JSON])] = [
      ("h", ["host": "0000:01:00.0", "sysfsdev": ""]), ("s", ["host": none, "sysfsdev": "/sys/bus/mdev/devices/u"]),
      ("f", ["host": none, "sysfsdev": ""]), ("p", ["host": none]), ("i", ["host": "0000:02:00.0", "iommufd": "/objects/i0"]),
    ]
    let list = JSON.array(devices.map { ["name": .string($0.id), "type": "child<vfio-pci>"] })
    var snapshot = QOMSnapshot([[], [], [:], list, [], [], "pc-q35-11.1-machine", [:], false].map { .success($0) })
    for device in devices { snapshot.properties["/machine/peripheral/\(device.id)"] = device.properties }
    let address = try XCTUnwrap(PCIAddress("0000:03:00.0"))
    let machine = snapshot.machine(source: "running", globals: .known([]), plugged: ["p": address, "h": address])
    func value(_ id: String, _ name: String) -> PropertyValue? { machine.devices.first { $0.id == id }?.value(name) }
    XCTAssertEqual(["h", "s", "f", "p", "i"].map { value($0, "host") }, [
      .string("0000:01:00.0"), nil, nil, .string("0000:03:00.0"), .string("0000:02:00.0"),
    ])
    XCTAssertEqual(["h", "s", "f", "p"].map { value($0, "fd") }, [nil, nil, .unknown("a descriptor"), nil])
    XCTAssertEqual(["h", "s"].map { value($0, "sysfsdev") }, [nil, .string("/sys/bus/mdev/devices/u")])
    XCTAssertEqual(["h", "i"].map { value($0, "iommufd") }, [nil, .string("/objects/i0")])
    XCTAssertEqual(snapshot.vfioByDescriptor, ["f", "p"])
  }
}
