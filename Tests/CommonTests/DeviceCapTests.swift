import Facts
import XCTest

@testable import Common

final class DeviceCapTests: XCTestCase {
  private func requests(_ driver: String, _ count: Int, _ plug: DeviceRequest.Plug = .cold) -> [DeviceRequest] {
    (0..<count).map { number in
      let place = Location(source: "test", range: number..<number + 1, path: "\(driver)[\(number)]")
      let driver = Property(name: "driver", value: .string(driver), location: place)
      return DeviceRequest(form: .json, plug: plug, properties: [driver], location: place)
    }
  }

  func testWhatMemoryHasRoomForIsLeftAlone() {
    for (assigned, others) in [(0, 100_000), (16, 10_000), (1000, 3000)] {
      var devices = requests("vfio-pci", assigned) + requests("edu", others), plugs: [DeviceRequest] = []
      XCTAssertNil(DeviceCap.cut(&devices, plugs: &plugs), "\(assigned) among \(assigned + others)")
      XCTAssertEqual(devices.count, assigned + others)
    }
  }

  func testFromTheFirstThatIsTooMuchAllGoAndItIsSaid() throws {
    var devices = requests("edu", 1000) + requests("vfio-pci", 2000), plugs = requests("vfio-pci", 1000, .hot)
    let problem = try XCTUnwrap(DeviceCap.cut(&devices, plugs: &plugs))
    XCTAssertEqual(
      problem.message, "3000 vfio devices among 4000 are more than are judged: all from this one on are left out")
    // 2^22 pairs are 1048 of 4000 each.
    XCTAssertEqual(problem.location.path, "vfio-pci[1048]")
    XCTAssertEqual(devices.count { $0.isVFIO }, 1048)
    XCTAssertEqual(devices.count { !$0.isVFIO }, 1000)
    XCTAssert(plugs.isEmpty)
  }

  func testGlobalsAreCounted() throws {
    var devices = requests("vfio-pci", 40), plugs: [DeviceRequest] = []
    let problem = try XCTUnwrap(DeviceCap.cut(&devices, plugs: &plugs, globals: 1 << 17))
    XCTAssertEqual(
      problem.message,
      "40 vfio devices among 131112 devices and -global options are more than are judged: all from this one on are left out")
    XCTAssertEqual(devices.count, 31)
  }

  func testPlugsIntoALargeGuestAreCounted() throws {
    var devices = requests("edu", 1 << 17), plugs = requests("vfio-pci", 40, .hot)
    XCTAssertEqual(DeviceCap.cut(&devices, plugs: &plugs)?.location.path, "vfio-pci[31]")
    XCTAssertEqual(plugs.count, 31)
  }
}
