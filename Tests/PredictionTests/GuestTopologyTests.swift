import Facts
import Inputs
import Prediction
import Support
import Syntax
import XCTest

/// Facts about a running guest, in place of its command line.
final class GuestTopologyTests: XCTestCase {
  private func plug(_ properties: String, into guest: Guest) -> RealizePrediction? {
    let text = "{\"execute\":\"device_add\",\"arguments\":{\"driver\":\"vfio-pci\",\"host\":\"0000:01:00.0\",\(properties)}}"
    let parsed = ParsedInput.parse(SourceText(name: "qmp", bytes: Array(text.utf8)), as: .qmp)
    var host = Facts.Host(nothingKnown: "not looked at", source: "none")
    host.addresses = .known([])
    return Predictor(parsed.machine, on: host, qemu: .released(11, 1, "11.1.3"), running: guest)
      .predictions(plugs: parsed.plugs).last
  }

  private func guest(
    port: Known<Bool> = .known(true), occupants: [Int: SlotDevice] = [:], migrating: Known<Bool> = .known(false)
  ) -> Guest {
    Guest(
      buses: [
        GuestBus("pcie.0", kind: .root, isExpress: true, takesHotplug: .known(false), parent: nil),
        GuestBus(
          "rp0", kind: .port, isExpress: true, takesHotplug: port, parent: "pcie.0", occupants: occupants),
      ],
      rootBus: .known("pcie.0"), ids: ["rp0": "pcie-root-port"], migrating: migrating)
  }

  private let card = SlotDevice(driver: "e1000e", id: "net0", isMultifunction: .known(true))

  func testAFreePortTakesADevice() {
    let one = plug(#""id":"gpu","bus":"rp0""#, into: guest())
    XCTAssertEqual(one?.failure?.cause, .noSuchHostDevice)
    XCTAssertEqual(one?.guestAddress?.bus, "rp0")
    XCTAssertEqual(one?.guestAddress?.devfn, 0)
    XCTAssertEqual(guest().freePorts.map(\.name), ["rp0"])
  }

  /// Later plugs and unplugs are on the buses that the guest reports.
  func testAPortIsFreeAgainWhenItsDeviceIsUnplugged() {
    let text = """
      {"execute":"device_add","arguments":{"driver":"e1000e","id":"net0","bus":"rp0"}}
      {"execute":"device_del","arguments":{"id":"net0"}}
      {"execute":"device_add","arguments":{"driver":"vfio-pci","host":"0000:01:00.0","bus":"rp0"}}

      """
    let parsed = ParsedInput.parse(SourceText(name: "qmp", bytes: Array(text.utf8)), as: .qmp)
    var host = Facts.Host(nothingKnown: "not looked at", source: "none")
    host.addresses = .known([])
    let one = Predictor(parsed.machine, on: host, qemu: .released(11, 1, "11.1.3"), running: guest()).predictions(plugs: parsed.plugs).last
    XCTAssertEqual(one?.failure?.cause, .noSuchHostDevice)
    XCTAssertEqual(one?.guestAddress?.bus, "rp0")
  }

  func testARefusalIsInQEMUsWords() {
    func text(_ properties: String, _ guest: Guest) -> String? { plug(properties, into: guest)?.failure?.text }
    XCTAssertEqual(text(#""id":"gpu""#, guest()), "Bus 'pcie.0' does not support hotplugging")
    XCTAssertEqual(text(#""bus":"nope""#, guest()), "Bus 'nope' not found")
    XCTAssertEqual(text(#""bus":"rp0""#, guest(port: .known(false))), "Bus 'rp0' does not support hotplugging")
    XCTAssertEqual(text(#""bus":"rp0""#, guest(migrating: .known(true))), "device_add not allowed while migrating")
    XCTAssertEqual(text(#""bus":"rp0","id":"rp0""#, guest()), "Duplicate device ID 'rp0'")
    XCTAssertEqual(
      text(#""bus":"rp0""#, guest(occupants: [0: card])),
      "PCI: slot 0 function 0 already occupied by e1000e, new func vfio-pci cannot be exposed to guest.")
  }

  /// A fact that cannot be read does not help.
  func testWhatIsNotKnownOfTheGuestStaysOpen() {
    func unknowns(_ guest: Guest) -> [Unknown] { plug(#""bus":"rp0""#, into: guest)?.unknowns ?? [] }
    let gone = Unknown("the fact", reason: "connection lost")
    XCTAssertEqual(unknowns(guest(port: .unknown(gone))), [gone])
    XCTAssertEqual(unknowns(guest(migrating: .unknown(gone))), [gone])
    let partly = Guest(buses: [], rootBus: .unknown(gone), ids: [:], migrating: .known(false))
    XCTAssert(unknowns(partly).contains(gone))
  }

  /// Whether a running device is behind the guest's IOMMU, or was created before it, cannot be read; a plug is behind
  /// it, unless its root complex is not.
  func testAPlugBesideTheGuestsIOMMUMayKillTheGuest() throws {
    let command = """
      qemu-system-x86_64 -machine q35 -nodefaults -object iommufd,id=io0 -device intel-iommu,caching-mode=on,aw-bits=39 \
      -device pxb-pcie,id=pxb,bus_nr=8,bypass_iommu=on -device vfio-pci,host=0000:02:00.0,id=old,bus=pcie.0
      """
    let topology = Guest(
      buses: [
        GuestBus("pcie.0", kind: .root, isExpress: true, takesHotplug: .known(false), parent: nil),
        GuestBus("pxb", kind: .root, isExpress: true, takesHotplug: .known(false), parent: nil),
        GuestBus("rp0", kind: .port, isExpress: true, takesHotplug: .known(true), parent: "pcie.0"),
        GuestBus("rp8", kind: .port, isExpress: true, takesHotplug: .known(true), parent: "pxb"),
      ], rootBus: .known("pcie.0"), ids: [:], migrating: .known(false))
    let machine = ParsedInput.parse(SourceText(name: "argv", bytes: Array(command.utf8)), as: .shell).machine
    func open(_ port: String, _ running: Guest) throws -> [String] {
      let text = """
        {"execute":"device_add","arguments":{"driver":"vfio-pci","host":"0000:01:00.0","iommufd":"io0","id":"new","bus":"\(port)"}}
        """
      let plugs = ParsedInput.parse(SourceText(name: "qmp", bytes: Array(text.utf8)), as: .qmp).plugs
      let host = Facts.Host(nothingKnown: "not looked at", source: "none")
      let one = Predictor(machine, on: host, qemu: .released(11, 1, "11.1.3"), running: running).predictions(plugs: plugs).last
      return try XCTUnwrap(one).unknowns.map(\.fact).filter { $0.hasPrefix("address space") }
    }
    XCTAssertEqual(try open("rp8", topology), ["address spaces of other devices"])
    XCTAssertEqual(try open("rp0", topology), [])
  }

  func testAPathLeadsToTheRootComplexAndEnds() {
    let loop = Guest(
      buses: [
        GuestBus("a", kind: .bridge, isExpress: true, takesHotplug: .known(true), parent: "b"),
        GuestBus("b", kind: .bridge, isExpress: true, takesHotplug: .known(true), parent: "a"),
      ], rootBus: .known(nil), ids: [:], migrating: .known(false))
    XCTAssertEqual(loop.path(from: "a").map(\.name), ["a", "b"])
    XCTAssertEqual(guest().path(from: "rp0").map(\.name), ["rp0", "pcie.0"])
  }

  /// Ten times as many devices may take thirty times as long: it would be a hundred times if each were compared with all.
  func testBusesThatAreMissingAreLookedForInLinearTime() {
    func time(_ count: Int) -> Double {
      let devices = (0..<count).map { "-device virtio-scsi-pci,id=s\($0),bus=none\($0)" }.joined(separator: " ")
      let machine = Machines.parse("qemu-system-x86_64 -M q35 -nodefaults \(devices)").machine
      let time = ProcessorTime()
      let outcome = Predictor(machine, on: Host(nothingKnown: "t", source: "t"), qemu: .released(11, 1, "11.1.3")).run()
      XCTAssertEqual(outcome.predictions.count, 0)
      XCTAssertNotNil(outcome.launchFailures.first)
      return time.seconds
    }
    _ = time(200)
    XCTAssertLessThan(time(3000), 30 * time(300))
  }
}
