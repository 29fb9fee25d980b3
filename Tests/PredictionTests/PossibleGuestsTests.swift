import Facts
import Host
import Inputs
import Prediction
import Support
import Syntax
import XCTest

/// Plugs behind some that are not decided. What QEMU does in each case was observed on 10.0.13 and 11.1.3.
final class PossibleGuestsTests: XCTestCase {
  private static let guest = """
    qemu-system-x86_64 -M q35 -nodefaults -object iommufd,id=i0 -device pcie-root-port,id=rp0,chassis=1 \
    -device pcie-root-port,id=rp1,chassis=2
    """

  private func run(_ lines: [String], as format: InputFormat = .qmp) throws -> Predictor.Outcome {
    let stream = ParsedInput.parse(SourceText(name: "s", bytes: Array(lines.joined(separator: "\n").utf8)), as: format)
    var machine = ParsedInput.parse(SourceText(name: "g", bytes: Array(PossibleGuestsTests.guest.utf8)), as: .shell).machine
    machine.objects += stream.machine.objects
    machine.lastCommands = stream.machine.lastCommands
    let host = try HostRecording.load(Fixture.path("realizes/make-believe.host"))
    return Predictor(machine, on: host, qemu: .released(11, 1, "11.1.3")).run(plugs: stream.plugs)
  }

  private func results(_ lines: String...) throws -> [String] {
    try run(lines, as: .hmp).predictions.filter { $0.request.plug == .hot }.map {
      $0.failure?.text ?? ($0.unknowns.isEmpty ? "ok" : "open")
    }
  }

  func testAPlugThatOneWhichFailsMakesRoomFor() throws {
    let first = "device_add vfio-pci,host=0a:00.0,id=c,romfile=/rom,bus=rp1"
    let second = "device_add vfio-pci,host=03:00.0,id=c,romfile=/rom,bus=rp0"
    // With the first, the second has a duplicate id; without it, it may succeed.
    XCTAssertEqual(try results(first, second, "device_add vfio-pci,host=09:00.0,id=a,bus=rp0")[2], "open")
    XCTAssertEqual(
      try results(first, second, "device_add vfio-pci,host=09:00.0,id=a,nosuch=1,bus=rp0")[2], "Property 'vfio-pci.nosuch' not found")
  }

  func testAPlugThatFailsMayKeepItsIndex() throws {
    let first = "device_add vfio-pci,host=0a:00.0,id=c,romfile=/rom,acpi-index=7,bus=rp1"
    XCTAssertEqual(try results(first, "device_del c", "device_add vfio-pci,host=09:00.0,acpi-index=7,bus=rp0"), ["open", "open"])
    XCTAssertEqual(try results(first, "device_del c", "device_add vfio-pci,host=09:00.0,acpi-index=8,bus=rp0"), ["open", "ok"])
  }

  func testAnObjectThatAPlugMayUse() throws {
    let plug = """
      {"execute":"device_add","arguments":{"driver":"vfio-pci","host":"01:00.0","bus":"rp1","iommufd":"i0","romfile":"/rom"}}
      """
    let deletion = #"{"execute":"object-del","arguments":{"id":"i0"}}"#
    let outcome = try run([plug, deletion])
    XCTAssertEqual(outcome.launchFailures.map(\.failure.text), [])
    XCTAssertEqual(outcome.openFailures.map(\.fact.reason), [
      "it is not decided, and if it succeeds QEMU refuses the command: `Can not delete IOMMUFD backend 'i0' with 1 users`"
    ])
  }

  /// The file of another device's option ROM.
  func testAPlugOfAnotherDeviceMayFailToo() throws {
    let first = "device_add e1000,id=n,acpi-index=7,bus=rp1"
    let last = "device_add vfio-pci,host=09:00.0,acpi-index=7,bus=rp0"
    XCTAssertEqual(try results(first, last), ["a PCI device with acpi-index = 7 already exist"])
    XCTAssertEqual(try results(first + ",romfile=/rom", last), ["open"])
  }

  func testBehindManyNothingIsCalledOK() throws {
    let hosts = ["01:00.0", "03:00.0", "05:00.0", "08:00.0", "0a:00.0"]
    let plugs = hosts.enumerated().map { "device_add vfio-pci,host=\($1),addr=0.\($0),multifunction=on,romfile=/rom,bus=rp0" }
    let last = "device_add vfio-pci,host=0b:00.0,bus=rp1"
    for count in 0...5 {
      let commands = plugs.suffix(count) + [last, "device_add vfio-pci,host=0b:00.0,nosuch=1,bus=rp1"]
      let hot = try run(Array(commands), as: .hmp).predictions.filter { $0.request.plug == .hot }
      XCTAssertEqual(hot[count].realize, count < 5 ? .ok : .undetermined, "\(count)")
      XCTAssertEqual(hot[count + 1].realize, .fails, "\(count)")
    }
  }
}
