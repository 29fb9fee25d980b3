import CLinux
import Common
import Glibc
import Support
import XCTest

final class SocketFileTests: XCTestCase {
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
