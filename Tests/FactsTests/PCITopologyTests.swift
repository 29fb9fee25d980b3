import Facts
import XCTest

/// Paths between devices, from the bridges' bus numbers.
final class PCITopologyTests: XCTestCase {
  private var host = Host(nothingKnown: "test", source: "test")

  private func address(_ text: String) throws -> PCIAddress { try XCTUnwrap(PCIAddress(text)) }

  /// - Parameter port: the device/port type of its PCI Express capability.
  private func bridge(_ text: String, _ buses: ClosedRange<UInt8>, port: UInt8) throws {
    var bytes = [UInt8](repeating: 0, count: 256)
    bytes[0x06] = 0x10
    bytes[0x0e] = 1
    bytes[0x19] = buses.lowerBound
    bytes[0x1a] = buses.upperBound
    bytes[0x34] = 0x40
    bytes.replaceSubrange(0x40..<0x44, with: [0x10, 0, port << 4 | 2, 0])
    try add(text, class: 0x060400, ConfigSpace(bytes, size: .known(256)))
  }

  private func add(_ text: String, class code: UInt32 = 0x030000, node: Int = 0, _ config: ConfigSpace? = nil) throws {
    var device = HostDevice(try address(text), nothingKnown: "test")
    device.classCode = .known(code)
    device.numaNode = .known(node)
    if let config { device.config = .known(config) }
    host.devices[device.address] = device
  }

  /// A root port with a switch of two ports, a second root port, and a second host bridge.
  private func makeHost() throws {
    try bridge("0000:00:01.0", 1...4, port: 4)
    try bridge("0000:01:00.0", 2...4, port: 5)
    try bridge("0000:02:00.0", 3...3, port: 6)
    try bridge("0000:02:01.0", 4...4, port: 6)
    try bridge("0000:00:02.0", 5...5, port: 4)
    for text in ["0000:03:00.0", "0000:03:00.1", "0000:04:00.0", "0000:05:00.0", "0000:01:00.1"] { try add(text) }
    try add("0001:00:00.0")
    try add("0002:00:00.0", node: 1)
  }

  private func path(_ a: String, _ b: String) throws -> PCITopology.Path? {
    try PCITopology(host).path(address(a), address(b)).display
  }

  func testPathsAreNamedAsNvidiaSMIDoes() throws {
    try makeHost()
    let rows: [(String, String, PCITopology.Path)] = [
      ("0000:03:00.0", "0000:03:00.0", .same), ("0000:03:00.0", "0000:03:00.1", .oneBridge),
      ("0000:03:00.0", "0000:04:00.0", .oneBridge), ("0000:03:00.0", "0000:01:00.1", .bridges),
      ("0000:03:00.0", "0000:05:00.0", .hostBridge), ("0000:03:00.0", "0001:00:00.0", .node),
      ("0000:03:00.0", "0002:00:00.0", .system),
    ]
    for (a, b, expected) in rows {
      XCTAssertEqual(try path(a, b), expected, "\(a) \(b)")
      XCTAssertEqual(try path(b, a), expected, "\(b) \(a)")
    }
    XCTAssertEqual(
      PCITopology(host).ancestors(of: try address("0000:04:00.0")).map(\.description),
      ["0000:02:01.0", "0000:01:00.0", "0000:00:01.0"])
    XCTAssertEqual(PCITopology(host).kind(of: try address("0000:02:01.0")), .downstream)
  }

  /// A bridge that could not be read may be above any device of its domain.
  func testAnUnreadBridgeLeavesThePathUnknown() throws {
    try makeHost()
    host.devices[try address("0000:00:02.0")]?.config = .unknown("config space of 0000:00:02.0", "Permission denied")
    XCTAssertNil(try path("0000:03:00.0", "0000:05:00.0"))
    XCTAssertEqual(try path("0000:03:00.0", "0000:04:00.0"), .oneBridge)
    host.devices[try address("0002:00:00.0")]?.numaNode = .unknown("NUMA node of 0002:00:00.0", "test")
    XCTAssertNil(try path("0001:00:00.0", "0002:00:00.0"))
  }
}
