import Facts
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
      guard let since = property.since else { continue }
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

  func testAPropertyOfOneDriverIsNotFoundOnAnother() {
    XCTAssertEqual(Machines.predict("\(device),ramfb=on").last?.failure?.cause, .unknownProperty)
    let other = Machines.predict("-device vfio-pci-nohotplug,host=0000:01:00.0,bus=pcie.0,addr=3,ramfb=on").last
    XCTAssertEqual(other?.failure?.cause, .displayRequired)
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
