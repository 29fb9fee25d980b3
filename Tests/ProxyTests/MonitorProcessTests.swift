import Glibc
@testable import Proxy
import Support
import XCTest

/// The process behind the proxy's monitor, without which nothing is tried.
final class MonitorProcessTests: XCTestCase {
  func testAQEMUIsKnownByItsNameOrByThatOfItsProgram() throws {
    for options in [[], ["-name", "guest=g,process=webserver"]] {
      let directory = try TemporaryDirectory()
      let qemu = try RealQEMU.start(in: directory, more: options)
      defer { qemu.end() }
      let monitor = try RealQEMU.connect(directory)
      defer { close(monitor) }
      XCTAssertEqual(ProxyRun.process(behind: monitor), qemu.processID, "\(options)")
    }
  }

  /// A program that makes the socket for a QEMU, such as libvirt's daemon.
  func testAnotherProgramIsNoQEMU() throws {
    var ends: [Int32] = [-1, -1]
    XCTAssertEqual(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends), 0)
    defer { ends.forEach { close($0) } }
    XCTAssertNil(ProxyRun.process(behind: ends[0]))
  }
}
