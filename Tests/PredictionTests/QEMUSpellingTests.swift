import Facts
import XCTest

@testable import Prediction

final class QEMUSpellingTests: XCTestCase {
  func testPropertiesAreSetInTheOrderObservedOn11_1_3() {
    let observed = [
      "x-no-vfio-ioeventfd", "x-msix-relocation", "iommufd", "x-pci-device-id", "bootindex", "enable-migration",
      "x-vpasid-cap-offset", "yres", "x-balloon-allowed", "vf-token", "x-igd-lpc", "x-pci-sub-device-id",
      "acpi-index", "fd", "rombar", "ats", "busnr", "addr", "x-igd-opregion", "host", "sysfsdev", "romfile",
      "multifunction", "xres",
    ]
    let place = Location(source: "test", range: nil, path: "")
    let given = observed.sorted().map { Property(name: $0, value: .null, location: place) }
    func sorted(_ properties: [Property], _ form: DeviceRequest.Form = .json, _ plug: DeviceRequest.Plug = .hot) -> [Int] {
      PropertyOrder.sorted(of: DeviceRequest(form: form, plug: plug, properties: properties, location: place))
    }
    XCTAssertEqual(sorted(given).map { given[$0].name }, observed)
    // Two names of one bucket: as written, and the reverse for the human monitor.
    let tie = ["x-vga", "x-req"].map { Property(name: $0, value: .null, location: place) }
    XCTAssertEqual(QDictHash.bucket("x-vga"), QDictHash.bucket("x-req"))
    XCTAssertEqual([sorted(tie), sorted(tie, .keyval, .cold), sorted(tie, .keyval, .hot)], [[0, 1], [0, 1], [1, 0]])
    // The last of each name counts.
    let twice = sorted(given + given)
    XCTAssertEqual(twice.map { (given + given)[$0].name }, observed)
    XCTAssert(twice.allSatisfy { $0 >= given.count })
    XCTAssertEqual(QDictHash.bucket("ats"), 179)
    XCTAssertEqual(QDictHash.bucket("iommufd"), 3)
  }

  func testANumberWithoutASignWrapsAroundBelowTheLowestOfSixtyFourBits() {
    let unsigned: [String: QEMUInteger?] = [
      "-18446744073709551615": .natural(1), "-18446744073709547520": .natural(4096), "-18446744073709551616": nil,
      "-9223372036854775809": .natural(UInt64(Int64.max)), "-9223372036854775808": .negative(.min), "-0": .natural(0),
    ]
    for (text, number) in unsigned { XCTAssertEqual(QEMUNumber.integer(text, isUnsigned: true), number, text) }
    XCTAssertNil(QEMUNumber.integer("-9223372036854775809"))
    func refusal(_ name: String, _ text: String, _ kind: PropertyKind) -> String? {
      PropertyChecks.refusal(name, .string(text), kind: kind, driver: "vfio-pci", form: .keyval, isOld: false)
    }
    XCTAssertNil(refusal("romsize", "-18446744073709547520", .unsigned(bits: 32)))
    XCTAssertEqual(refusal("romsize", "-9223372036854775809", .unsigned(bits: 32)), "Parameter 'romsize' expects uint32_t")
    XCTAssertEqual(refusal("romsize", "-18446744073709551616", .unsigned(bits: 32)), "Parameter 'romsize' expects integer")
    XCTAssertEqual(refusal("rombar", "-9223372036854775809", .signed32), "Parameter 'rombar' expects integer")
  }

  func testHostAddressesThatQEMUTakes() {
    let taken = [
      "01:00.0": "0000:01:00.0", " 0000:01:00.0": "0000:01:00.0", "0X01:01:00.0": "0001:01:00.0",
      "ff:1f.7": "0000:ff:1f.7", "ffff:ff:1f.7": "ffff:ff:1f.7", "1:2.3": "0000:01:02.3",
    ]
    for (text, address) in taken { XCTAssertEqual(QEMUHostAddress.parse(text)?.description, address, text) }
  }

  func testHostAddressesThatQEMURefuses() {
    for text in [
      "zz", "", "0000:01:00", "0000:01:20.0", "0000:01:00.8", "10000:01:00.0", "100000000:01:00.0",
      "0000:100:00.0", "0000:01:00.0 ", "0xff:0x1f.0x7", ":", "01:00.", ".0", "01:00.0.0", "99999999999999999999:1.0",
    ] { XCTAssertNil(QEMUHostAddress.parse(text), text) }
  }

  func testSlots() {
    let taken = ["3": 24, "0x3": 24, "3.1": 25, "1f": 248, "0xa.0x1": 81, " 7": 56, "0xC": 96, "05.0": 40]
    for (text, devfn) in taken { XCTAssertEqual(QEMUSlot.parse(text), devfn, text) }
    for text in ["20", "20.0", "1f.8", "", "7 ", "-1", "0b.0.0", "b,0"] { XCTAssertNil(QEMUSlot.parse(text), text) }
  }

  func testIdentifiers() {
    for id in ["a.b-c_d9", "A", "x"] { XCTAssertTrue(QEMUIdentifier.isWellFormed(id), id) }
    for id in ["", "1bad", "_a", "a/b", "é", "a b"] { XCTAssertFalse(QEMUIdentifier.isWellFormed(id), id) }
  }

  func testNoatsIsFoundOnTheKernelCommandLineAndNothingElse() {
    for line in ["pci=noats", "ro pci=nomsi,noats quiet", "a pci=noats\n"] {
      XCTAssertTrue(KernelCommandLine.hasNoATS(line), line)
    }
    for line in ["", "noats", "xpci=noats", "pci=noatsx", "pcie=noats"] {
      XCTAssertFalse(KernelCommandLine.hasNoATS(line), line)
    }
  }

  func testTheFlagCameWithLinux7_1() {
    for release in ["7.1", "7.1.0-rc1", "7.3.4-1-amd64", "8.0"] {
      XCTAssertEqual(KernelVersion(release)?.hasATSFlag, true, release)
    }
    for release in ["7.0.12", "6.12.48+deb13-amd64", "5.10"] {
      XCTAssertEqual(KernelVersion(release)?.hasATSFlag, false, release)
    }
    for release in ["", "seven.one", "7"] { XCTAssertNil(KernelVersion(release), release) }
  }
}
