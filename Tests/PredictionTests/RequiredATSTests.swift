import Facts
import XCTest

@testable import Prediction

/// Devices that do not work without ATS, by their ids and by their CXL capability.
final class RequiredATSTests: XCTestCase {
  private func device(_ vendor: UInt16, _ id: UInt16, config: ConfigSpace? = nil) -> HostDevice {
    var device = HostDevice(Machines.address, nothingKnown: "test")
    (device.vendor, device.device) = (.known(vendor), .known(id))
    device.config = .known(config ?? ConfigSpace([UInt8](repeating: 0, count: 4096), size: .known(4096)))
    return device
  }

  func testTheIdsOfTheKernelsQuirks() {
    for id: UInt16 in [0x2e00, 0x2e12, 0x2e3f] { XCTAssertEqual(RequiredATS.includes(device(0x10de, id)), .known(true)) }
    for id: UInt16 in [0x2dff, 0x2e40, 0x2941] { XCTAssertEqual(RequiredATS.includes(device(0x10de, id)), .known(false)) }
    XCTAssertEqual(RequiredATS.includes(device(0x15b3, 0x2101)), .known(true))
    XCTAssertEqual(RequiredATS.includes(device(0x15b3, 0x1021)), .known(false))
    var unknown = device(0x10de, 0x2e12)
    unknown.device = .unknown("device id", "test")
    XCTAssertFalse(RequiredATS.includes(unknown).isKnown)
  }

  /// A DVSEC at 0x100, of which the kernel reads the vendor, the id and bit 0 of the CXL capability.
  private func cxl(vendor: UInt8 = 0x98, id: UInt8 = 0, capability: UInt8 = 1, next: UInt8 = 0, count: Int = 4096) -> ConfigSpace {
    var bytes = [UInt8](repeating: 0, count: 4096)
    bytes.replaceSubrange(0x100..<0x10b, with: [0x23, 0, 1, next, vendor, 0x1e, 1, 3, id, 0, capability])
    return ConfigSpace(Array(bytes[..<count]), size: .known(4096))
  }

  func testACXLDeviceThatCachesMemory() {
    func includes(_ config: ConfigSpace) -> Known<Bool> { RequiredATS.includes(device(0x8086, 0x0ddb, config: config)) }
    XCTAssertEqual(includes(cxl()), .known(true))
    XCTAssertEqual(includes(cxl(vendor: 0x97)), .known(false))
    XCTAssertEqual(includes(cxl(id: 8)), .known(false))
    XCTAssertEqual(includes(cxl(capability: 0xfe)), .known(false))
    // A part that was not read may have one.
    XCTAssertFalse(includes(cxl(id: 8, next: 0x20, count: 0x10c)).isKnown)
    XCTAssertFalse(includes(cxl(count: 64)).isKnown)
  }
}
