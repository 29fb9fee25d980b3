import Facts
import Glibc
import QMP
import Support
import Syntax
import XCTest

@testable import Common
@testable import Proxy

/// The -global options of a running QEMU, which only its command line tells: not read is not absent.
final class MissingGlobalsTests: XCTestCase {
  private func ended() throws -> pid_t {
    let child = try Child("/bin/true", [])
    child.wait()
    return child.processID
  }

  func testOfAProcessThatCannotBeReadTheyAreNotKnown() throws {
    XCTAssertFalse(PlugInquiry.globals(of: nil).isKnown)
    let gone = try ended()
    guard case .unknown(let why) = PlugInquiry.globals(of: gone) else { return XCTFail("known of a process that is gone") }
    XCTAssertEqual(why.reason, "/proc/\(gone)/cmdline: No such file or directory")
  }

  func testThoseOfARunningQEMUAreRead() throws {
    let directory = try TemporaryDirectory()
    let qemu = try RealQEMU.start(in: directory, more: ["-global", "vfio-pci.x-req=off"])
    defer { qemu.end() }
    XCTAssertEqual(try PlugInquiry.globals(of: qemu.processID).value.map(\.property), ["x-req"])
  }

  func testAConfigurationFileThatIsGoneMayHaveHeldSome() throws {
    let directory = try TemporaryDirectory()
    let file = directory.path + "/more.cfg"
    try writeFile(file, "[global]\n  driver = \"vfio-pci\"\n  property = \"x-req\"\n  value = \"off\"\n")
    let qemu = try RealQEMU.start(in: directory, more: ["-readconfig", file])
    defer { qemu.end() }
    XCTAssertEqual(try PlugInquiry.globals(of: qemu.processID).value.map(\.property), ["x-req"])
    unlink(file)
    XCTAssertFalse(PlugInquiry.globals(of: qemu.processID).isKnown)
  }

  /// No decision may rest on options that were not read: the same plug into the same QEMU.
  func testAPlugIsUndeterminedWhereTheyAreNotKnown() throws {
    let directory = try TemporaryDirectory()
    let qemu = try RealQEMU.start(in: directory)
    defer { qemu.end() }
    func answer(_ process: pid_t?) throws -> String {
      var options = QMPCommandFilter.Options()
      options.host = .recording(Fixture.path("hosts/intel-no-device-tlb.host"))
      options.onUnknown = .refuse
      options.process = process
      let chosen = options
      let proxy = try ProxyHarness(
        qemu: try RealQEMU.connect(directory), gate: { QMPCommandFilter(chosen, log: ProxyLog()) })
      defer { proxy.stop() }
      let client = try proxy.connect()
      try client.negotiate()
      try client.send(
        #"{"execute":"device_add","arguments":{"driver":"vfio-pci","bus":"rp1","host":"0000:01:00.0","id":"v"}}"#)
      return try client.line() ?? ""
    }
    XCTAssertFalse(try answer(qemu.processID).contains("vfiogate: refused"), "what can be read decides")
    for process in [nil, try ended()] {
      let text = try answer(process)
      XCTAssert(text.contains("vfiogate: refused: ") && text.contains(": cannot determine whether it applies: "), text)
      XCTAssert(text.contains("-global"), text)
    }
  }

  func testATSIsNotWrittenOutOverAGlobalThatWasNotSeen() throws {
    let text = #"{"execute":"device_add","arguments":{"driver":"vfio-pci","host":"0000:01:00.0"}}"#
    let message = ClientMessage(bytes: Array(text.utf8), json: try JSON.parse(Array(text.utf8)))
    let about = QMPCommandFilter.CommandContext(
      message: message, client: ProxyPeer(number: 1, process: nil, user: nil), command: "device_add")
    let place = Location(source: "device_add", range: nil, path: "")
    let request = DeviceRequest(form: .json, plug: .hot, properties: [], location: place)
    let profile = QEMUProfile(name: "one", behaviour: .known(.shipped), properties: .known(["ats"]), release: .known(QEMURelease(11, 1)))
    func pinned(_ globals: Known<[GlobalProperty]>) -> String? {
      PinnedATS.command(about, request, profile, globals).map { String(decoding: $0, as: UTF8.self) }
    }
    let off = GlobalProperty(driver: "vfio-pci", property: "ats", value: "off", location: place)
    XCTAssertEqual(pinned(.known([]))?.contains(#""ats":"auto""#), true)
    XCTAssertEqual(pinned(.known([off]))?.contains(#""ats":"off""#), true)
    XCTAssertNil(pinned(.unknown("QEMU's -global options", "not looked at")))
    // A word in quotes ends before the last of them.
    for (line, expected) in [("device_add vfio-pci,id=v  ", "device_add vfio-pci,id=v,ats=auto"), (#"device_add "vfio-pci,id=v""#, nil)] {
      let message = ClientMessage(
        bytes: [], json: ["execute": "human-monitor-command", "arguments": ["command-line": .string(line)]])
      let human = QMPCommandFilter.CommandContext(message: message, client: about.client, command: "human-monitor-command")
      let bytes = PinnedATS.command(human, request, profile, .known([]))
      XCTAssertEqual(try bytes.map { try JSON.parse($0) }?["arguments"]?["command-line"]?.string, expected)
    }
  }
}
