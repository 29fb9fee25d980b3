import Facts
import XCTest

final class LocationTests: XCTestCase {
  /// Equal paths are one key of a dictionary, however they were put together.
  func testPartsOfAPathDoNotMatter() {
    let folder = LocationBase(source: "vm.xml", path: "/domain/devices")
    let element = LocationBase(source: "vm.xml", folder: "/domain/devices", name: "hostdev", number: 12)
    let written = Location(source: "vm.xml", range: 3..<9, path: "/domain/devices/hostdev[12]/source/@file")
    let locations: Set = [
      written, Location(in: element, range: 3..<9, end: "/source", attribute: "file"),
      Location(in: folder, range: 3..<9, end: "/hostdev[12]/source", attribute: "file"),
      Location(in: folder, range: 3..<9, end: "/hostdev[12]/source/@file"),
    ]
    XCTAssertEqual(locations, [written])
  }

  func testALocationContainsNoneOfAnotherSource() {
    let device = Location(source: "vm.sh", range: 3..<9, path: "-device[1]")
    XCTAssert(device.contains(Location(source: "vm.sh", range: 5..<9, path: "-device[1].host")))
    XCTAssertFalse(device.contains(Location(source: "vm.sh", range: 5..<10, path: "-device[1].host")))
    XCTAssertFalse(device.contains(Location(source: "vm.cfg", range: 5..<9, path: "device.host")))
  }

  /// The devices of one array in a script share their range. If they shared their hash too, each look into a dictionary would
  /// compare all of them.
  func testOneRangeHasManyHashes() {
    let hashes = Set((0..<1000).map { Location(source: "vm.sh", range: 3..<9, path: "-device[\($0)].host").hashValue })
    XCTAssertGreaterThan(hashes.count, 990)
  }
}
