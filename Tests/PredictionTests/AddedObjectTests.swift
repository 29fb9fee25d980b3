import Facts
import Host
import Inputs
import Prediction
import Support
import Syntax
import XCTest

/// Objects that a stream of commands adds: one whose command fails does not exist for the plugs behind it. Observed on 11.1.3.
final class AddedObjectTests: XCTestCase {
  private static let guest = "qemu-system-x86_64 -M q35 -nodefaults -device pcie-root-port,id=rp1,chassis=1"

  /// The result of each plug, and the refusals of other commands.
  private func run(
    _ lines: String..., as format: InputFormat = .qmp, guest: String = guest
  ) throws -> (plugs: [String], refused: [String]) {
    let stream = ParsedInput.parse(SourceText(name: "s", bytes: Array(lines.joined(separator: "\n").utf8)), as: format)
    var machine = ParsedInput.parse(SourceText(name: "g", bytes: Array(guest.utf8)), as: .shell).machine
    machine.objects += stream.machine.objects
    machine.lastCommands = stream.machine.lastCommands
    let host = try HostRecording.load(Fixture.path("realizes/make-believe.host"))
    let outcome = Predictor(machine, on: host, qemu: .released(11, 1, "11.1.3")).run(plugs: stream.plugs)
    let hot = outcome.predictions.filter { $0.request.plug == .hot }
    return (
      hot.map { $0.failure?.text ?? ($0.unknowns.isEmpty ? "ok" : "open") },
      outcome.launchFailures.filter(\.isOfCommand).map(\.failure.text))
  }

  private func add(_ members: String) -> String { #"{"execute":"object-add","arguments":{"qom-type":"iommufd",\#(members)}}"# }
  private let plug = #"{"execute":"device_add","arguments":{"driver":"vfio-pci","host":"01:00.0","bus":"rp1","iommufd":"i0"}}"#
  private let deletion = #"{"execute":"object-del","arguments":{"id":"i0"}}"#

  func testAnObjectThatIsRefusedDoesNotExist() throws {
    for (members, text) in [
      (#""id":"i0","props":{}"#, "Parameter 'props' is unexpected"),
      (#""id":"i0","fd":5"#, "Invalid parameter type for 'fd', expected: string"), (#""fd":"5""#, "Parameter 'id' is missing"),
      (#""id":"1i""#, "Parameter 'id' expects an identifier"), (#""id":5"#, "Invalid parameter type for 'id', expected: string"),
      (#""id":"i0","fd":"5x""#, "Could not parse remote object fd 5x:Invalid file descriptor number '5x'"),
    ] {
      let result = try run(add(members), plug)
      XCTAssertEqual(result.plugs, ["Device 'i0' not found"], members)
      XCTAssertEqual(result.refused, [text], members)
      let again = try run(add(members), add(#""id":"i0""#), plug)
      XCTAssertEqual(again.plugs, ["ok"], members)
      XCTAssertEqual(try run(add(members), plug, add(#""id":"i0""#)).plugs, ["Device 'i0' not found"], members)
    }
  }

  func testAnObjectIsDeletedWhenItsDeviceHasGone() throws {
    let plug = plug.replacing("{\"driver\"", with: "{\"id\":\"g\",\"driver\"")
    let unplug = #"{"execute":"device_del","arguments":{"id":"g"}}"#
    let event = #"{"event":"DEVICE_DELETED","data":{"device":"g","path":"/machine/peripheral/g"}}"#
    for end in [[], [event], [event, add(#""id":"i0""#)]] {
      let lines = [add(#""id":"i0""#), plug, unplug] + end.prefix(1) + [deletion] + end.dropFirst()
      let stream = lines.joined(separator: "\n")
      XCTAssertEqual(try run(stream).refused, [], stream)
      XCTAssertEqual(try run(stream).plugs, ["ok"], stream)
    }
    XCTAssertEqual(
      try run(add(#""id":"i0""#), plug, deletion).refused, ["Can not delete IOMMUFD backend 'i0' with 1 users"])
  }

  func testAnIdIsTakenOnce() throws {
    let text = "attempt to add duplicate property 'i0' to object (type 'container')"
    let twice = try run(add(#""id":"i0""#), add(#""id":"i0""#), plug)
    XCTAssertEqual(twice.plugs, ["ok"])
    XCTAssertEqual(twice.refused, [text])
    let memory = try run(add(#""id":"i0""#), plug, guest: AddedObjectTests.guest + " -object memory-backend-ram,id=i0,size=4M")
    XCTAssertEqual(memory.plugs, ["Invalid parameter type for 'iommufd', expected: iommufd"])
    XCTAssertEqual(memory.refused, [text])
    XCTAssertEqual(
      try run(add(#""id":"pc.ram""#), plug).refused, ["attempt to add duplicate property 'pc.ram' to object (type 'container')"])
    let own = AddedObjectTests.guest + " -object iommufd,id=i0"
    XCTAssertEqual(try run(deletion, add(#""id":"i0""#), plug, guest: own).plugs, ["ok"])
    XCTAssertEqual(try run(deletion, add(#""id":"i0","x":1"#), plug, guest: own).plugs, ["Device 'i0' not found"])
  }

  func testADeletionThatIsRefusedChangesNothing() throws {
    let used = AddedObjectTests.guest + " -object iommufd,id=i0 -device vfio-pci,host=03:00.0,iommufd=i0"
    let result = try run(deletion, plug, guest: used)
    XCTAssertEqual(result.plugs, ["ok"])
    XCTAssertEqual(result.refused, ["Can not delete IOMMUFD backend 'i0' with 1 users"])
    XCTAssertEqual(try run(plug, deletion).refused, ["object 'i0' not found"], "behind the last plug")
  }

  /// `object_add` reads the rest of its line, quotes and blanks too.
  func testTheHumanMonitorsText() throws {
    let plug = "device_add vfio-pci,host=01:00.0,bus=rp1,iommufd=i0"
    for (line, result) in [
      ("object_add iommufd,id=i0", "ok"), ("object_add iommufd,id=x,id=i0", "ok"),
      ("object_add {\"qom-type\":\"iommufd\",\"id\":\"i0\"} ", "ok"),
      ("object_add iommufd,id=i0,nosuch=1", "Device 'i0' not found"), ("object_add iommufd,id=i0 x", "Device 'i0' not found"),
      ("object_add iommufd,id=i0 ", "Device 'i0' not found"), ("object_add \"iommufd,id=i0\"", "Device 'i0' not found"),
    ] {
      XCTAssertEqual(try run(line, plug, as: .hmp).plugs, [result], line)
    }
  }

  /// Only the program that starts QEMU knows which descriptors it has.
  func testAPassedDescriptorIsNotKnown() throws {
    XCTAssertEqual(try run(add(#""id":"i0","fd":"99""#), plug).plugs, ["open"])
    let machine = Machines.parse("qemu-system-x86_64 -M q35 -object iommufd,id=i0,fd=9 -device vfio-pci,host=01:00.0,iommufd=i0").machine
    func open(_ descriptors: [String: Known<PCIAddress?>]) throws -> Bool {
      let host = try HostRecording.load(Fixture.path("realizes/make-believe.host"))
      let one = Predictor(machine, on: host, qemu: .released(11, 1, "11.1.3"), descriptors: descriptors).predictions().last
      return one?.unknowns.isEmpty == false
    }
    XCTAssertTrue(try open([:]))
    XCTAssertFalse(try open(["9": .known(nil)]))
  }

  /// QEMU exits at the node of a generic initiator that no machine has, and the guest is lost.
  func testAGenericInitiatorOfNoNodeEndsTheGuest() {
    func signals(_ node: String) -> [String?] {
      let command = #"{"execute":"object-add","arguments":{"qom-type":"acpi-generic-initiator","id":"g","pci-dev":"v","node":\#(node)}}"#
      let stream = ParsedInput.parse(SourceText(name: "s", bytes: Array((command + "\n" + plug).utf8)), as: .qmp)
      var machine = Machines.parse(AddedObjectTests.guest).machine
      machine.objects += stream.machine.objects
      return Predictor(machine, on: Machines.host(), qemu: .released(11, 1, "11.1.3")).run(plugs: stream.plugs).launchFailures
        .filter(\.isOfCommand).map(\.failure.signal)
    }
    XCTAssertEqual(signals("127"), [])
    XCTAssertEqual(signals("128"), ["exit status 1"])
    XCTAssertEqual(signals("4294967295"), ["exit status 1"])
    XCTAssertEqual(signals("4294967296"), [nil])
  }

  func testTypesThatAreNotModelledAreNamed() {
    func unchecked(_ command: String) -> [String] {
      ParsedInput.parse(SourceText(name: "s", bytes: Array(command.utf8)), as: .qmp).machine.uncheckedCommands
    }
    XCTAssertEqual(unchecked(add(#""id":"i0""#)), [])
    XCTAssertEqual(unchecked(#"{"execute":"object-add","arguments":{"qom-type":"rng-random","id":"r"}}"#), ["object-add"])
  }
}
