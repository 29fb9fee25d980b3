import Facts
import Host
import XCTest

/// The recordings in Fixtures/hosts tell what their names and head comments promise.
final class FixtureTests: XCTestCase {
  private func host(_ name: String) throws -> Facts.Host {
    try HostRecording.parse(readFixture("hosts/\(name).host"), source: name)
  }

  private func device(_ address: String, of host: Facts.Host) throws -> HostDevice {
    try XCTUnwrap(host.devices[XCTUnwrap(PCIAddress(address))], address)
  }

  private func comment(_ text: String) -> String {
    text.split(separator: "\n").filter { $0.hasPrefix("#") }.joined()
  }

  func testEveryFixtureSaysWhetherItIsComposedOrRecordedAndAfterWhat() throws {
    for (name, text) in try RecordingRoundTripTests.fixtures(RecordingRoundTripTests.composed) {
      XCTAssertTrue(comment(text).contains("Composed by hand, not recorded"), name)
      XCTAssertTrue(comment(text).contains("Modelled on"), name)
    }
    for (name, text) in try RecordingRoundTripTests.fixtures(RecordingRoundTripTests.recorded) {
      XCTAssertTrue(comment(text).contains("Recorded, not composed"), name)
    }
  }

  func testTheKernelsAnswersAreAsItsSourceSays() throws {
    for (name, supported) in [
      ("recorded-q35-amd", []), ("recorded-q35-vtd-noats", []), ("recorded-q35-vtd-device-tlb", ["0000:01:00.0"]),
    ] {
      let host = try host(name)
      let asked = host.devices.values.filter { $0.boundATSNotSupported.isKnown }
      XCTAssertEqual(asked.count, 7, name)
      let found = asked.filter { $0.boundATSNotSupported == .known(false) }.map(\.address.description)
      XCTAssertEqual(found, supported, name)
      XCTAssertNotNil(try device("0000:01:00.0", of: host).ats.value, name)
      XCTAssertNil(try device("0000:02:00.0", of: host).ats.value, name)
    }
  }

  func testConfigSpacesAgreeWithTheFactsBesideThem() throws {
    for (name, text) in try RecordingRoundTripTests.fixtures(RecordingRoundTripTests.composed) {
      let host = try HostRecording.parse(Array(text.utf8), source: name)
      for device in host.devices.values {
        let config = try device.config.value
        if try config.isDead.value { continue }
        let place = "\(name) \(device.address)"
        if device.physicalFunction == .known(nil) {
          XCTAssertEqual(config.word(0), device.vendor, place)
          XCTAssertEqual(config.word(2), device.device, place)
        }
        XCTAssertEqual(config.dword(8).map { $0 >> 8 }, device.classCode, place)
        guard config.bytes.count > 64 else { continue }
        XCTAssertEqual(config.hasPCIExpress, .known(true), place)
        XCTAssertTrue(config.standardChain.unaligned.isEmpty && config.extendedChain.unaligned.isEmpty, place)
        if name != "ugly" {
          XCTAssertEqual(config.standardChain.end, .complete, place)
          XCTAssertEqual(config.extendedChain.end, .complete, place)
        }
      }
      for (number, group) in host.groups {
        for member in try group.members.value { XCTAssertEqual(host.devices[member]?.group, .known(number), name) }
      }
    }
  }

  func testTheGraceNodeHasATSAndOneAnswerOfTheKernel() throws {
    let host = try host("grace-gb200")
    for (address, flag) in [("0008:01:00.0", Known.known(false)), ("0009:01:00.0", nil)] {
      let gpu = try device(address, of: host)
      XCTAssertEqual(gpu.driver, .known("nvgrace_gpu_vfio_pci"))
      XCTAssertNotNil(try gpu.ats.value)
      XCTAssertEqual(try host.group(XCTUnwrap(gpu.group.value)).members.value.count, 1)
      XCTAssertEqual(try host.iommus.value[XCTUnwrap(gpu.iommu.value)]?.kind, .smmuv3)
      if let flag { XCTAssertEqual(gpu.boundATSNotSupported, flag) } else { XCTAssertFalse(gpu.boundATSNotSupported.isKnown) }
    }
  }

  func testTheIntelServersDifferInTheirDeviceTLBs() throws {
    let off = try host("intel-no-device-tlb"), on = try host("intel-server-ats")
    XCTAssertEqual(try off.iommus.value["dmar1"]?.servesDeviceTLBs, .known(false))
    XCTAssertEqual(try on.iommus.value["dmar1"]?.servesDeviceTLBs, .known(true))
    XCTAssertEqual(try device("0000:01:00.0", of: off).boundATSNotSupported, .known(true))
    XCTAssertEqual(try device("0000:27:00.0", of: on).firmwareATS, .known(true))
    XCTAssertNotNil(try device("0000:01:00.0", of: off).ats.value)
  }

  func testTheDesktopCardHasNoATSAndTheVegaHas() throws {
    XCTAssertNil(try device("0000:0a:00.0", of: host("desktop-amd-geforce")).ats.value)
    XCTAssertNotNil(try device("0000:28:00.0", of: host("pre71-vega")).ats.value)
  }

  func testTheNICHasVirtualFunctionsOfWhichOneIsInUse() throws {
    let host = try host("sriov-e810")
    let physical = try device("0000:3b:00.0", of: host)
    XCTAssertEqual(try physical.virtualFunctions.value.count, 3)
    for address in try physical.virtualFunctions.value {
      XCTAssertEqual(host.devices[address]?.physicalFunction, .known(physical.address))
      XCTAssertEqual(host.devices[address]?.config.flatMap(\.isDead), .known(false))
    }
    XCTAssertEqual(try device("0000:3b:01.1", of: host).users.value.count, 1)
  }

  func testTheContainerKnowsLittleAndCallsNothingAbsentThatItCannotSee() throws {
    let host = try host("container-partial-sys")
    XCTAssertFalse(host.addresses.isKnown)
    let gpu = try device("0000:4b:00.0", of: host)
    XCTAssertFalse(gpu.ats.isKnown)
    XCTAssertFalse(gpu.cdev.isKnown)
    XCTAssertEqual(host.iommufd, .known(.absent))
  }

  func testTheUglyBoardIsUgly() throws {
    let host = try host("ugly")
    XCTAssertEqual(try device("0000:02:00.0", of: host).config.value.standardChain.end, .loop(at: 0x50))
    XCTAssertEqual(try device("0000:02:00.0", of: host).config.value.extendedChain.end, .loop(at: 0x140))
    XCTAssertEqual(try device("0000:03:00.0", of: host).config.value.isDead, .known(true))
    XCTAssertEqual(try device("0000:04:00.0", of: host).config.value.bytes.count, 64)
    XCTAssertEqual(try device("0000:05:00.0", of: host).removable, .known("removable"))
    XCTAssertEqual(try device("0000:01:00.1", of: host).resetMethods, .known([]))
    XCTAssertEqual(try device("0000:01:00.1", of: host).driver, .known("xhci_hcd"))
    XCTAssertTrue(try host.group(1).reservedRegions.value.contains { $0.hasSuffix(" direct") })
  }
}
