import Common
import Glibc
import Support
import XCTest

/// The environment of a QEMU that is only asked.
final class SessionlessProcessTests: XCTestCase {
  /// A sound server or a display of the caller's is not QEMU's to reach.
  func testAProgramHasNothingOfTheSession() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/qemu"
    try writeFile(path, "#!/bin/sh\nenv >&2\n", mode: 0o755)
    let names = ["PULSE_SERVER", "SPICE_DEBUG", "VFIOGATE_TEST"]
    for name in names { setenv(name, "of-the-caller", 1) }
    defer { for name in names { unsetenv(name) } }
    let error = try QEMUProcess(path: path, confinement: QEMUProcess.Confinement(data: .max, spares: 0)).finish().error
    XCTAssert(error.contains("VFIOGATE_TEST=of-the-caller\n"), error)
    XCTAssert(error.contains("QEMU_AUDIO_DRV=none\n"), error)
    XCTAssertFalse(error.contains("PULSE_SERVER") || error.contains("SPICE_DEBUG"), error)
  }
}
