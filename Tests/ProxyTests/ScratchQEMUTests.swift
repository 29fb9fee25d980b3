import Facts
import Inputs
import Proxy
import Support
import Syntax
import XCTest

/// Plugs that crash QEMU, without the list of known crashes.
final class ScratchQEMUTests: XCTestCase {
  private func request(_ members: String) throws -> DeviceRequest {
    let text = #"{"execute":"device_add","arguments":{"bus":"rp1",\#(members)}}"#
    return try XCTUnwrap(ParsedInput.parse(SourceText(name: "device_add", bytes: Array(text.utf8)), as: .qmp).plugs.first)
  }

  /// The signal of a plug into a running QEMU with these further options.
  private func crash(_ program: String, _ more: [String], _ members: String...) throws -> String? {
    let directory = try TemporaryDirectory()
    let qemu = try RealQEMU.start(in: directory, program: program, after: more)
    let scratch = ScratchQEMU(process: qemu.processID, emulator: program)
    for one in members.dropLast() { XCTAssertNil(try scratch.crash(on: request(one))) }
    return try scratch.crash(on: request(try XCTUnwrap(members.last)))
  }

  private static let plug = #""driver":"vfio-pci","host":"ff:1f.7","id":"v""#

  func testTheDistributionsQEMU() throws {
    let program = try RealQEMU.program()
    XCTAssertEqual(try crash(program, [], #""driver":"e1000e","realized":true"#), "SIGSEGV")
    XCTAssertEqual(try crash(program, ["-global", "vfio-pci.realized=on"], ScratchQEMUTests.plug), "SIGSEGV")
    XCTAssertNil(try crash(program, [], ScratchQEMUTests.plug, ScratchQEMUTests.plug, #""driver":"e1000e","addr":"zz""#))
  }

  func testTheLabsQEMU() throws {
    let directory = try TemporaryDirectory()
    guard let program = try InstalledQEMU.ofLab(in: directory) else {
      throw XCTSkip("SKIPPED: scripts/lab has not made its root, so no plug was tried on QEMU 11.1")
    }
    XCTAssertEqual(try crash(program, [], #""driver":"vfio-pci","fd":"7""#), "SIGSEGV")
    XCTAssertEqual(try crash(program, [], #""driver":"vfio-pci","fd":"name","id":5"#), "SIGSEGV")
    XCTAssertEqual(try crash(program, [], #""driver":"e1000e","realized":true"#), "SIGSEGV")
    XCTAssertEqual(try crash(program, ["-global", "vfio-pci.addr=3"], ScratchQEMUTests.plug), "SIGABRT")
    XCTAssertEqual(try crash(program, ["-global", "vfio-pci.fd=9"], ScratchQEMUTests.plug), "SIGSEGV")
    XCTAssertEqual(try crash(program, ["-global", "vfio-pci.realized=on"], ScratchQEMUTests.plug), "SIGSEGV")
    XCTAssertNil(try crash(program, [], ScratchQEMUTests.plug, #""driver":"e1000e","id":"n""#))
  }
}
