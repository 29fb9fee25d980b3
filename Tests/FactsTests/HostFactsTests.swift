import Facts
import XCTest

/// Facts that are derived from others: each branch with a fact on either side, and unknown.
final class HostFactsTests: XCTestCase {
  private func device(_ code: Known<UInt32>, header: UInt8? = nil) throws -> HostDevice {
    var device = HostDevice(try XCTUnwrap(PCIAddress("0000:01:00.0")), nothingKnown: "test")
    device.classCode = code
    if let header {
      var bytes = [UInt8](repeating: 0, count: 64)
      bytes[0x0e] = header
      device.config = .known(ConfigSpace(bytes, size: .known(256)))
    }
    return device
  }

  func testAnEndpointIsKnownByItsHeaderAndElseByItsClass() throws {
    XCTAssertEqual(try device(.known(0x030000)).isEndpoint, .known(true))
    for code: UInt32 in [0x060400, 0x060700, 0x060900] { XCTAssertEqual(try device(.known(code)).isEndpoint, .known(false)) }
    XCTAssertEqual(try device(.known(0x060100)).isEndpoint, .known(true))
    XCTAssertEqual(try device(.known(0x060400), header: 0).isEndpoint, .known(true))
    XCTAssertEqual(try device(.known(0x030000), header: 1).isEndpoint, .known(false))
    XCTAssertEqual(try device(.known(0x030000), header: 0x81).isEndpoint, .known(false))
    XCTAssertFalse(try device(.unknown("class", "test")).isEndpoint.isKnown)
  }

  func testAFunctionThatAnswersAllOnesIsDead() {
    func space(_ vendor: [UInt8], _ command: [UInt8]) -> Known<Bool> {
      ConfigSpace(vendor + [0xff, 0xff] + command, size: .known(256)).isDead
    }
    XCTAssertEqual(space([0xff, 0xff], [0xff, 0xff, 0xff, 0xff]), .known(true))
    // A virtual function has all ones for a vendor.
    XCTAssertEqual(space([0xff, 0xff], [0x06, 0x00, 0x10, 0x00]), .known(false))
    XCTAssertEqual(space([0xde, 0x10], [0xff, 0xff, 0xff, 0xff]), .known(false))
    XCTAssertFalse(space([0xff, 0xff], []).isKnown)
  }

  private func host(_ line: String, config: [String: String] = [:]) -> Facts.Host {
    var host = Facts.Host(nothingKnown: "test", source: "test")
    host.kernelCommandLine = .known(line)
    host.kernelConfig = .known(config)
    return host
  }

  func testTheLastOptionDecidesScalableMode() {
    XCTAssertEqual(host("intel_iommu=on,sm_on").scalableMode, .known(true))
    XCTAssertEqual(host("intel_iommu=sm_on intel_iommu=sm_off").scalableMode, .known(false))
    XCTAssertEqual(host("intel_iommu=sm_off,sm_on").scalableMode, .known(true))
    let name = "CONFIG_INTEL_IOMMU_SCALABLE_MODE_DEFAULT_ON"
    XCTAssertEqual(host("quiet", config: [name: "y"]).scalableMode, .known(true))
    XCTAssertEqual(host("quiet", config: [name: "n"]).scalableMode, .known(false))
    XCTAssertFalse(host("quiet").scalableMode.isKnown)
  }

  func testAUnitNestsWithBothCapabilitiesInScalableMode() {
    func nests(_ register: UInt64, _ line: String = "intel_iommu=sm_on") -> Known<Bool> {
      host(line).nests(IOMMUUnit("dmar0", capability: .known(0), extendedCapability: .known(register)))
    }
    XCTAssertEqual(nests(1 << 43 | 1 << 26), .known(true))
    XCTAssertEqual(nests(1 << 43), .known(false))
    XCTAssertEqual(nests(1 << 26), .known(false))
    XCTAssertEqual(nests(1 << 43 | 1 << 26, "intel_iommu=sm_off"), .known(false))
  }

  func testADeviceThatIsNotListedIsAbsentAndOneThatIsOnlyListedIsUnknown() throws {
    let address = try XCTUnwrap(PCIAddress("0000:01:00.0"))
    var host = self.host("")
    XCTAssertFalse(host.device(at: address).isKnown)
    host.addresses = .known([])
    XCTAssertEqual(host.device(at: address).map { $0 == nil }, .known(true))
    host.addresses = .known([address])
    XCTAssertEqual(host.device(at: address).map { $0?.driver.isKnown }, .known(false))
  }
}
