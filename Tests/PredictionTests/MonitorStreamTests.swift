import Facts
import Host
import Inputs
import Prediction
import Support
import Syntax
import XCTest

/// Streams of commands to a running QEMU: what a command changes decides about the plugs behind it.
final class MonitorStreamTests: XCTestCase {
  private static let guest = """
    qemu-system-x86_64 -M q35 -nodefaults -device pcie-root-port,id=rp1,chassis=1 -device pcie-root-port,id=rp2,chassis=2
    """

  private func add(_ id: String, _ host: String, _ bus: String, _ more: String = "") -> String {
    #"{"execute":"device_add","arguments":{"driver":"vfio-pci","id":"\#(id)","host":"\#(host)","bus":"\#(bus)"\#(more)}}"#
  }
  private let linked = #","iommufd":"i0""#
  private let object = #"{"execute":"object-add","arguments":{"qom-type":"iommufd","id":"i0"}}"#
  private let deletion = #"{"execute":"object-del","arguments":{"id":"i0"}}"#
  private func unplug(_ id: String) -> String { #"{"execute":"device_del","arguments":{"id":"\#(id)"}}"# }
  private func deleted(_ id: String) -> String { #"{"event":"DEVICE_DELETED","data":{"device":"\#(id)"}}"# }

  /// The causes of failure of each plug, and what of the stream stays open.
  private func run(
    _ lines: String..., as format: InputFormat = .qmp, guest: String = guest
  ) throws -> (causes: [FailureCause?], open: [String]) {
    let stream = ParsedInput.parse(SourceText(name: "s", bytes: Array(lines.joined(separator: "\n").utf8)), as: format)
    XCTAssertEqual(stream.problems.map(\.message), [])
    var machine = ParsedInput.parse(SourceText(name: "g", bytes: Array(guest.utf8)), as: .shell).machine
    machine.objects += stream.machine.objects
    let host = try HostRecording.load(Fixture.path("realizes/make-believe.host"))
    let outcome = Predictor(machine, on: host, qemu: .released(11, 1, "11.1.3")).run(plugs: stream.plugs)
    let hot = outcome.predictions.filter { $0.request.plug == .hot }
    return (hot.map(\.failure?.cause), stream.machine.unreadParts.map(\.what))
  }

  func testAnObjectExistsBetweenItsCommands() throws {
    let plug = add("a", "01:00.0", "rp1", linked)
    XCTAssertEqual(try run(object, plug).causes, [nil])
    XCTAssertEqual(try run(plug, object).causes, [.missingIOMMUFDObject])
    XCTAssertEqual(try run(object, deletion, plug).causes, [.missingIOMMUFDObject])
    XCTAssertEqual(try run(object, deletion, object, plug).causes, [nil])
    // QEMU refuses to delete one in use.
    XCTAssertEqual(try run(object, plug, deletion, add("b", "03:00.0", "rp2", linked)).causes, [nil, nil])
    let with = MonitorStreamTests.guest + " -object iommufd,id=i0"
    XCTAssertEqual(try run(deletion, plug, guest: with).causes, [.missingIOMMUFDObject])
    let using = with + " -device vfio-pci,host=03:00.0,iommufd=i0,bus=rp2"
    XCTAssertEqual(try run(deletion, plug, guest: using).causes, [nil])
    let lines = "object_del i0\ndevice_add vfio-pci,host=01:00.0,bus=rp1,iommufd=i0\n"
    XCTAssertEqual(try run(lines, as: .hmp, guest: with).causes, [.missingIOMMUFDObject])
  }

  /// A device that is not modelled may have a bus of any name that begins with its id.
  func testABusOfAnUnmodelledDeviceMayExist() throws {
    let guest = MonitorStreamTests.guest + " -device e1000e,id=n -device virtio-scsi-pci,id=s"
    for (bus, cause) in [
      ("rp1.0", FailureCause.busNotFound), ("n.0", nil), ("x.0", .busNotFound), ("s.0", .wrongBusType), ("s.0/nope", .busNotFound),
    ] {
      XCTAssertEqual(try run(add("a", "01:00.0", bus), guest: guest).causes, [cause], bus)
    }
    let open = MonitorStreamTests.guest + " -device virtio-scsi-pci,id=$S"
    XCTAssertEqual(try run(add("a", "01:00.0", "s.0"), guest: open).causes, [nil])
  }

  /// The primary of a failover pair stays kept back until its standby is gone.
  func testAnUnplugOfAnotherDeviceLeavesTheFailoverPair() throws {
    let guest = MonitorStreamTests.guest + " -device virtio-net-pci,id=n,failover=on"
    func primary(_ id: String, _ host: String) -> String { add(id, host, "rp1", #","failover_pair_id":"n""#) }
    let other = add("x", "01:00.0", "rp2")
    let (first, second) = (primary("p", "03:00.0"), primary("q", "03:00.0"))
    XCTAssertEqual(try run(first, second, guest: guest).causes, [nil, .badFailover])
    XCTAssertEqual(try run(first, other, unplug("x"), deleted("x"), second, guest: guest).causes, [nil, nil, .badFailover])
  }

  func testAnUnpluggedDeviceReleasesItsPortIDAndHostFunction() throws {
    let first = add("a", "01:00.0", "rp1"), again = add("a", "01:00.0", "rp1")
    let reported = try run(first, unplug("a"), deleted("a"), again)
    XCTAssertEqual(reported.causes, [nil, nil])
    XCTAssertEqual(reported.open, [])
    let silent = try run(first, unplug("a"), again)
    XCTAssertEqual(silent.causes, [nil, nil])
    XCTAssertEqual(silent.open, ["whether the guest has released `a`"])
    let elsewhere = try run(first, unplug("a"), add("b", "03:00.0", "rp2"))
    XCTAssertEqual(elsewhere.open, [], "it needs nothing of the other")
    XCTAssertNotEqual(try run(first, again).causes, [nil, nil])
    // QEMU takes a path too.
    for path in ["/machine/peripheral/a", "//machine/peripheral//a/", "a/"] {
      let byPath = try run(first, unplug(path), deleted("a"), again)
      XCTAssertEqual(byPath.causes, [nil, nil], path)
      XCTAssertEqual(byPath.open, [], path)
    }
    XCTAssertNotEqual(try run(first, unplug("/machine/unattached/a"), again).open, [])
    // A port of the root bus cannot be unplugged.
    XCTAssertEqual(try run(unplug("rp1"), first).causes, [nil])
  }

  /// QEMU frees the old number of a device, and takes the new one.
  func testABootIndexIsOpenBehindACommandThatMayChangeIt() throws {
    let guest = MonitorStreamTests.guest + " -device virtio-net-pci,id=n,bootindex=1"
    let plug = add("a", "01:00.0", "rp1", #","bootindex":1"#)
    func set(_ property: String) -> String {
      #"{"execute":"qom-set","arguments":{"path":"/machine/peripheral/n","property":"\#(property)","value":2}}"#
    }
    let human = #"{"execute":"human-monitor-command","arguments":{"command-line":"qom-set /machine/peripheral/n bootindex 2"}}"#
    XCTAssertEqual(try run(plug, guest: guest).causes, [.bootIndexTaken])
    XCTAssertEqual(try run(set("bootindex"), plug, guest: guest).causes, [nil])
    XCTAssertEqual(try run(human, plug, guest: guest).causes, [nil])
    XCTAssertEqual(try run(set("speed"), plug, guest: guest).causes, [.bootIndexTaken])
    XCTAssertEqual(try run(plug, set("bootindex"), guest: guest).causes, [.bootIndexTaken], "behind the plug")
  }

  func testWhatMayChangeAPlugOtherwiseIsOpen() throws {
    let plug = add("a", "01:00.0", "rp1")
    func open(_ command: String) throws -> Int { try run(command, plug).open.count }
    XCTAssertEqual(try open(#"{"execute":"migrate","arguments":{"uri":"tcp:0:4444"}}"#), 1)
    XCTAssertEqual(try open(#"{"execute":"quit"}"#), 1)
    XCTAssertEqual(try open(#"{"execute":"qom-set","arguments":{"path":"/machine/peripheral/x","property":"fd","value":"9"}}"#), 1)
    XCTAssertEqual(try open(#"{"execute":"human-monitor-command","arguments":{"command-line":"qom-set /objects/i0 fd 9"}}"#), 1)
    let named = #"{"execute":"object-add","arguments":{"qom-type":"iommufd","id":"i1","fd":"x"}}"#
    XCTAssertEqual(try open(named), 1)
    XCTAssertEqual(try open(#"{"execute":"getfd","arguments":{"fdname":"x"}}"# + named), 0)
    let polling = #""property":"guest-stats-polling-interval","value":2"#
    XCTAssertEqual(try open(#"{"execute":"qom-set","arguments":{"path":"/machine/peripheral/balloon0",\#(polling)}}"#), 0)
    XCTAssertEqual(try open(#"{"execute":"query-status"}"#), 0)
    XCTAssertEqual(try run(plug, #"{"execute":"migrate","arguments":{"uri":"tcp:0:4444"}}"#).open, [], "behind the plug")
  }
}
