import Facts
import Inputs
import Prediction
import Syntax
import XCTest

/// A running QEMU whose -global options could not be read: each of them may apply to a plug.
final class PlugGlobalsTests: XCTestCase {
  private let missing = Unknown("QEMU's -global options", reason: "not looked at")

  private func plug(
    _ properties: String = "", missing: Unknown?, objects: [String] = [], qemu: QEMUProfile = .released(11, 1, "11.1.3")
  ) throws -> RealizePrediction {
    let text = """
      {"execute":"device_add","arguments":{"driver":"vfio-pci","host":"0000:01:00.0","bus":"rp0"\(properties)}}
      """
    let plugs = ParsedInput.parse(SourceText(name: "qmp", bytes: Array(text.utf8)), as: .qmp).plugs
    var machine = MachineConfig(source: "running", emulator: nil)
    machine.missingGlobals = missing
    let place = Location(source: "running", range: nil, path: "")
    machine.objects = objects.map { id in
      let given = [("qom-type", "iommufd"), ("id", id)]
      return ObjectRequest(
        properties: given.map { Property(name: $0.0, value: .string($0.1), location: place) }, location: place)
    }
    let guest = Guest(
      buses: [
        GuestBus("pcie.0", kind: .root, isExpress: true, takesHotplug: .known(false), parent: nil),
        GuestBus("rp0", kind: .port, isExpress: true, takesHotplug: .known(true), parent: "pcie.0"),
      ], rootBus: .known("pcie.0"), ids: [:], migrating: .known(false))
    let host = Facts.Host(nothingKnown: "no host", source: "none")
    let all = Predictor(machine, on: host, qemu: qemu, running: guest).predictions(plugs: plugs)
    return try XCTUnwrap(all.last)
  }

  func testAGlobalLinkDecidesTheBackend() throws {
    let text = "qemu-system-x86_64 -M q35 -object iommufd,id=i0 -device vfio-pci,host=0000:01:00.0"
    func backend(_ more: String) throws -> Known<VFIOBackend> {
      let machine = ParsedInput.parse(SourceText(name: "a", bytes: Array((text + more).utf8)), as: .shell).machine
      let host = Facts.Host(nothingKnown: "no host", source: "none")
      let all = Predictor(machine, on: host, qemu: .released(11, 1, "11.1.3")).predictions()
      return try XCTUnwrap(all.last).atsInputs.backend
    }
    XCTAssertEqual(try backend(" -global vfio-pci.iommufd=i0"), .known(.iommufd))
    XCTAssertEqual(try backend(" -global vfio-pci-nohotplug.iommufd=i0"), .known(.legacy))
    XCTAssertEqual(try backend(",iommufd=i0 -global vfio-pci.iommufd=i0"), .known(.iommufd))
    XCTAssertEqual(try backend(""), .known(.legacy))
  }

  func testWhetherAPlugSucceedsIsNotKnown() throws {
    XCTAssert(try plug(missing: missing).unknowns.contains(missing))
    XCTAssertFalse(try plug(missing: nil).unknowns.contains(missing))
  }

  func testATSIsNotKnownUnlessThePlugSetsIt() throws {
    XCTAssertFalse(try plug(missing: missing).atsInputs.setting.isKnown)
    XCTAssertEqual(try plug(#","ats":"off""#, missing: missing).atsInputs.setting, .known(.off))
    XCTAssertEqual(try plug(missing: nil).atsInputs.setting, .known(nil))
    let old = QEMUProfile.released(7, 2, "7.2.22")
    XCTAssertEqual(try plug(missing: missing, qemu: old).atsInputs.setting, .known(nil), "there is no such property")
  }

  /// A -global links to an object that is there, and where there is none the plug keeps the legacy backend.
  func testTheBackendIsNotKnownWhereThereIsAnObjectToLinkTo() throws {
    XCTAssertFalse(try plug(missing: missing, objects: ["io0"]).atsInputs.backend.isKnown)
    XCTAssertEqual(try plug(missing: missing).atsInputs.backend, .known(.legacy))
    XCTAssertEqual(try plug(#","iommufd":"io0""#, missing: missing, objects: ["io0"]).atsInputs.backend, .known(.iommufd))
    XCTAssertEqual(try plug(missing: nil, objects: ["io0"]).atsInputs.backend, .known(.legacy))
  }
}
