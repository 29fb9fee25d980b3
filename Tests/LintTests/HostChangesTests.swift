import Common
import Facts
import Support
import XCTest

@testable import Lint

/// Functions of two recordings of a host.
final class HostChangesTests: XCTestCase {
  /// A recorded host with a card at these addresses.
  private func host(_ addresses: String...) throws -> Facts.Host {
    var host = try HostChoice.recording(Fixture.path("hosts/desktop-amd-geforce.host")).load()
    let card = try XCTUnwrap(PCIAddress("0000:0a:00.0")), model = try XCTUnwrap(host.devices[card])
    let places = try addresses.map { try XCTUnwrap(PCIAddress($0)) }
    host.devices[card] = nil
    for place in places {
      var device = HostDevice(place, nothingKnown: "not read")
      (device.vendor, device.device) = (model.vendor, model.device)
      host.devices[place] = device
    }
    host.addresses = host.addresses.map { $0.subtracting([card]).union(places) }
    return host
  }

  func testADeviceHasMovedWhereItsIdIsAtOneOtherAddress() throws {
    func changes(_ old: Facts.Host, _ new: Facts.Host) -> [[String]] {
      let changes = HostChanges(old, new)
      return [
        changes.removed.map { "\($0.address)" }, changes.added.map { "\($0.address)" },
        changes.moved.map { "\($0.from.address) \($0.to.address)" },
      ]
    }
    let (here, there, other) = ("0000:0a:00.0", "0000:5a:00.0", "0000:5b:00.0")
    XCTAssertEqual(changes(try host(here), try host(there)), [[], [], ["\(here) \(there)"]])
    // The addresses do not show which is which of several.
    XCTAssertEqual(changes(try host(here), try host(there, other)), [[here], [there, other], []])
    XCTAssertEqual(changes(try host(here, other), try host(there)), [[here, other], [there], []])
    XCTAssertEqual(changes(try host(here, other), try host(other)), [[here], [], []])
  }
}
