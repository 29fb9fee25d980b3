import Facts
import Support
import Syntax
import XCTest

@testable import Prediction

/// The one table of vfio-pci's properties. A line that is added to it is tested here without another edit.
final class VFIOPropertyTests: XCTestCase {
  private let device = "-device vfio-pci,host=0000:01:00.0,bus=pcie.0,addr=3"

  func testANameIsInTheTableOnce() {
    XCTAssertEqual(Set(VFIOProperties.all.map(\.name)).count, VFIOProperties.all.count)
  }

  /// Before the release of its line a property is not found, from there on it is.
  func testThePropertiesOfAReleaseFollowFromTheLines() throws {
    for property in VFIOProperties.all {
      guard let since = property.since, property.isListed else { continue }
      let old = QEMUProfile.released(since.major - 1, 99, "older")
      let new = QEMUProfile.released(since.major, since.minor, "new")
      XCTAssertEqual(old.properties.display?.contains(property.name), false, property.name)
      XCTAssertEqual(new.properties.display?.contains(property.name), true, property.name)
      let text = "Property 'vfio-pci.\(property.name)' not found"
      let given = "\(device),\(property.name)=1"
      XCTAssertEqual(Machines.predict(given, qemu: old).last?.failure?.text, text, property.name)
      XCTAssertNotEqual(Machines.predict(given, qemu: new).last?.failure?.text, text, property.name)
      let global = "-global vfio-pci.\(property.name)=1 \(device)"
      XCTAssertEqual(
        Machines.predict(global, qemu: old).last?.failure?.cause, property.name == "ats" ? .noATSProperty : .badGlobal)
    }
  }

  /// `device-list-properties` of the releases that are modelled: a property that one of them has is there in no other model
  /// but of those that have it.
  func testTheDriversHaveTheRecordedPropertiesInEachRelease() throws {
    let recorded = try JSON.parse(try Fixture.text("realizes/properties.json"))
    func names(_ release: String, _ driver: String) -> Set<String> {
      Set((recorded[release]?[driver]?.array ?? []).compactMap(\.string))
    }
    let drivers = (recorded["11.1"]?.members ?? []).map(\.key)
    XCTAssertGreaterThan(drivers.count, 10)
    for release in QEMUProfile.modelled {
      let qemu = QEMUProfile.released(release.major, release.minor, "\(release)")
      let listed = names("\(release)", "vfio-pci").subtracting(["busnr"])
      XCTAssertEqual(qemu.properties, .known(listed), "\(release)")
      for driver in drivers where driver != "vfio-pci" {
        let own = names("\(release)", driver)
        XCTAssertFalse(own.isEmpty, driver)
        for name in drivers.reduce(own, { $0.union(names("7.2", $1)).union(names("11.1", $1)) }) {
          let lookup = DeviceProperties.lookup(name, of: driver, in: qemu)
          if own.contains(name) {
            XCTAssertNotEqual(lookup, .absent, "\(driver).\(name) in \(release)")
          } else if lookup != .unknown {
            XCTAssertEqual(lookup, .absent, "\(driver).\(name) in \(release)")
          }
        }
      }
    }
  }

  /// Of a release that is not modelled nothing is certain but what already fails.
  func testRealizeOfAnotherReleaseIsUndetermined() {
    for (release, expected) in [((9, 2), "undetermined"), ((11, 2), "undetermined"), ((10, 0), "ok"), ((7, 2), "ok")] {
      let qemu = QEMUProfile.released(release.0, release.1, "\(release)")
      XCTAssertEqual(Machines.predict(device, qemu: qemu).last?.realize.rawValue, expected, "\(release)")
      let gone = Machines.predict("-device vfio-pci,host=0000:7f:1f.7", qemu: qemu).last
      XCTAssertEqual(gone?.realize, .fails, "\(release)")
    }
    let unknown = QEMUProfile(
      name: "x", behaviour: .known(.shipped), properties: .unknown("properties", "not asked"), release: .unknown("release", "x"))
    XCTAssertEqual(Machines.predict(device, qemu: unknown).last?.realize, .undetermined)
  }

  /// 7.2 and 10.0 have no class `vfio-pci-device`.
  func testAGlobalOfTheClassBeforeItExistedAppliesToNothing() {
    let given = "-global vfio-pci-device.display=on \(device)"
    XCTAssertEqual(Machines.predict(given).last?.failure?.cause, .noDisplay)
    XCTAssertNil(Machines.predict(given, qemu: .released(10, 0, "10.0.13")).last?.failure)
    XCTAssertNil(Machines.predict(given, qemu: .released(7, 2, "7.2.22")).last?.failure)
  }

  func testAPropertyOfOneDriverIsNotFoundOnAnother() {
    XCTAssertEqual(Machines.predict("\(device),ramfb=on").last?.failure?.cause, .unknownProperty)
    let other = Machines.predict("-device vfio-pci-nohotplug,host=0000:01:00.0,bus=pcie.0,addr=3,ramfb=on").last
    XCTAssertEqual(other?.failure?.cause, .displayRequired)
  }

  /// Names that are meant for passthrough (observed on 11.1.3).
  func testADriverThatQEMUDoesNotHaveIsRefused() {
    func text(_ driver: String) -> String? { Machines.predict("-device \(driver),id=x,bus=pcie.0,addr=3").last?.failure?.text }
    for driver in ["iommufd", "kvm-pci-assign", "VFIO-PCI", "vfio_pci"] {
      XCTAssertEqual(text(driver), "'\(driver)' is not a valid device model name")
    }
    for driver in ["pci-device", "vfio-pci-device"] {
      XCTAssertEqual(text(driver), "Parameter 'driver' expects a non-abstract device type", driver)
    }
  }

  func testEachTypeOfPropertyRefusesNonsense() {
    for property in VFIOProperties.all where property.only == nil && property.name != "host" {
      let failure = Machines.predict("\(device.replacing(property.name)),\(property.name)=%").last?.failure
      switch property.kind {
      case .text, .link, .descriptor: continue
      default: XCTAssertEqual(failure?.property, property.name, property.name)
      }
    }
  }
}

extension String {
  /// The options without one property.
  fileprivate func replacing(_ name: String) -> String {
    split(separator: ",").filter { !$0.hasPrefix(name + "=") }.joined(separator: ",")
  }
}
