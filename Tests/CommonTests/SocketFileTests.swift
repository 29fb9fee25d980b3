import CLinux
import Common
import Glibc
import Support
import XCTest

final class SocketFileTests: XCTestCase {
  /// Not even for a moment is it open to others, whatever the umask.
  func testASocketIsItsOwnersAlone() throws {
    let directory = try TemporaryDirectory()
    let mask = umask(0)
    defer { umask(mask) }
    let listener = clinux_listen_unix(directory.path + "/qmp", 1)
    XCTAssertGreaterThanOrEqual(listener, 0)
    close(listener)
    var status = stat()
    XCTAssertEqual(stat(directory.path + "/qmp", &status), 0)
    XCTAssertEqual(status.st_mode & 0o777, 0o600)
  }

  /// A guest that is started again at once binds the same address before the guard of the one before has ended.
  func testOnlyTheOwnFileIsRemoved() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/qmp"
    XCTAssertNil(SocketFile(path))
    let first = clinux_listen_unix(path, 1)
    defer { close(first) }
    let own = try XCTUnwrap(SocketFile(path))
    unlink(path)
    let second = clinux_listen_unix(path, 1)
    defer { close(second) }
    own.remove()
    XCTAssertEqual(access(path, F_OK), 0, "the other's file was removed")
    try XCTUnwrap(SocketFile(path)).remove()
    XCTAssertEqual(access(path, F_OK), -1)
  }
}
