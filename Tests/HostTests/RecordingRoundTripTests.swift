import Facts
import Host
import XCTest

final class RecordingRoundTripTests: XCTestCase {
  static let composed = [
    "container-partial-sys", "desktop-amd-geforce", "grace-cx8-sriov", "grace-gb10", "grace-gb200", "grace-gb200-egm",
    "intel-no-device-tlb", "intel-server-ats", "pre71-vega", "sriov-e810", "ugly",
  ]
  static let recorded = ["recorded-q35-amd", "recorded-q35-vtd-device-tlb", "recorded-q35-vtd-noats"]

  /// Fixtures by name.
  static func fixtures(_ names: [String] = composed + recorded) throws -> [(name: String, text: String)] {
    try names.map { ($0, String(decoding: try readFixture("hosts/\($0).host"), as: UTF8.self)) }
  }

  private func parse(_ text: String) throws -> Facts.Host {
    try HostRecording.parse(Array(text.utf8), source: "test")
  }

  private func withoutComments(_ text: String) -> String {
    text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { $0 + "\n" }.joined()
  }

  func testWritingWhatWasReadGivesTheFixtureBack() throws {
    for (name, text) in try RecordingRoundTripTests.fixtures() {
      XCTAssertEqual(HostRecording.render(try parse(text)), withoutComments(text), name)
    }
  }

  func testCarriageReturnsAndBlankLinesAndCommentsChangeNothing() throws {
    for (name, text) in try RecordingRoundTripTests.fixtures() {
      let mangled = text.split(separator: "\n").joined(separator: "\r\n# c\r\n\r\n   \r\n")
      XCTAssertEqual(HostRecording.render(try parse(mangled)), withoutComments(text), name)
    }
  }

  func testDeletingALineMakesThingsUnknownAndChangesNothingElse() throws {
    for (name, text) in try RecordingRoundTripTests.fixtures(RecordingRoundTripTests.composed) {
      // Rows of config space are many and alike: one in sixteen stays.
      let lines = withoutComments(text).split(separator: "\n").map(String.init).enumerated()
        .filter { index, line in index % 16 == 0 || !line.utf8.dropFirst(13).starts(with: "config 0x".utf8) }
        .map(\.element)
      let whole = FactList(try parse(lines.joined(separator: "\n")))
      for index in 1..<lines.count {
        var fewer = lines
        let deleted = fewer.remove(at: index)
        let facts = FactList(try parse(fewer.joined(separator: "\n")))
        XCTAssertLessThan(facts.count, whole.count, "\(name): nothing was lost with `\(deleted)`")
        if let difference = facts.contradiction(with: whole) {
          XCTFail("\(name): without `\(deleted)`, \(difference)")
        }
      }
    }
  }

  func testReasonsOfUnknownFactsSurvive() throws {
    let host = try parse(
      "vfiogate-host-recording 1\n0000:01:00.0 driver ? /sys: Permission denied\niommus ? no \\x5c\n")
    let device = try XCTUnwrap(host.devices[XCTUnwrap(PCIAddress("0000:01:00.0"))])
    XCTAssertEqual(device.driver, .unknown("driver of 0000:01:00.0", "/sys: Permission denied"))
    XCTAssertEqual(host.iommus, .unknown("IOMMU units", "no \\"))
    XCTAssertEqual(device.vendor, .unknown("vendor of 0000:01:00.0", "not in the recording"))
  }

  func testValuesWithAwkwardCharactersSurvive() throws {
    let awkward = ["none", "?", "? x", " two  spaces ", "tab\tand\\backslash", "line\nbreak", "a, b", "ü", ""]
    for text in awkward {
      var host = Host(nothingKnown: "not in the recording", source: "test")
      host.kernelCommandLine = .known(text)
      let address = try XCTUnwrap(PCIAddress("0000:01:00.0"))
      var device = HostDevice(address, nothingKnown: "not in the recording")
      if !text.isEmpty {
        device.driver = .known(text)
        device.resetMethods = .known([text, "flr"])
      }
      device.users = .known([ProcessReference(pid: 3, name: text, node: .cdev), ProcessReference(pid: 4, name: "x", node: .group)])
      host.devices[address] = device
      let again = try parse(HostRecording.render(host))
      XCTAssertEqual(again.kernelCommandLine, host.kernelCommandLine)
      XCTAssertEqual(again.devices[address]?.driver, device.driver)
      XCTAssertEqual(again.devices[address]?.resetMethods, device.resetMethods)
      XCTAssertEqual(again.devices[address]?.users, device.users)
    }
  }

  func testSerialNumbersAreBlankedOnWriting() throws {
    var bytes = [UInt8](repeating: 0, count: 4096)
    bytes.replaceSubrange(0x100..<0x10c, with: [0x03, 0x00, 0x01, 0x00, 1, 2, 3, 4, 5, 6, 7, 8])
    let address = try XCTUnwrap(PCIAddress("0000:01:00.0"))
    var device = HostDevice(address, nothingKnown: "not in the recording")
    device.config = .known(ConfigSpace(bytes, size: .known(4096)))
    var host = Host(nothingKnown: "not in the recording", source: "test")
    host.devices[address] = device
    let again = try parse(HostRecording.render(host))
    let config = try XCTUnwrap(again.devices[address]).config.value
    XCTAssertEqual(config.bytes[0x100..<0x10c].map { $0 ?? 0xee }, [3, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0])
  }

  func testConfigSpacesWithHolesSurvive() throws {
    let address = try XCTUnwrap(PCIAddress("0000:01:00.0"))
    var random = SystemRandomNumberGenerator()
    for length in [0, 1, 15, 16, 17, 63, 64, 65, 255, 256, 300, 4095, 4096] {
      var bytes: [UInt8?] = (0..<length).map { _ in Bool.random(using: &random) ? 0 : nil }
      for at in stride(from: 0, to: length, by: 3) { bytes[at] = UInt8(at & 0x1) }
      var device = HostDevice(address, nothingKnown: "not in the recording")
      device.config = .known(ConfigSpace(bytes: bytes, size: .known(4096)))
      var host = Host(nothingKnown: "not in the recording", source: "test")
      host.devices[address] = device
      let again = try parse(HostRecording.render(host))
      XCTAssertEqual(try again.devices[address]?.config.value, try device.config.value, "\(length) bytes")
    }
  }
}
