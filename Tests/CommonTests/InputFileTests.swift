import Glibc
import Support
import Syntax
import XCTest

@testable import Common

/// Files that a definition refers to by relative names.
final class InputFileTests: XCTestCase {
  func testAFileHasTheNameThatMessagesShow() throws {
    let folder = try TemporaryDirectory()
    try writeFile(folder.path + "/a", "text")
    XCTAssertEqual(try InputFile.read(folder.path + "/a", limit: 4).name, folder.path + "/a")
    let named = try InputFile.read(folder.path + "/a", named: "b", limit: 4)
    XCTAssertEqual(named.name, "b")
    XCTAssertEqual(named.bytes, Array("text".utf8))
  }

  func testTheFilesOfAProcessAreRelativeToItsWorkingDirectory() throws {
    let folder = try TemporaryDirectory()
    try writeFile(folder.path + "/vm.cfg", "[device]")
    let own = "/proc/\(getpid())/"
    let before = try XCTUnwrap(getcwd(nil, 0))
    defer { free(before) }
    XCTAssertEqual(chdir(folder.path), 0)
    defer { XCTAssertEqual(chdir(before), 0) }
    guard case .found(let text) = InputFile.follower(from: own + "cmdline", roots: nil)("vm.cfg") else { return XCTFail("not found") }
    XCTAssertEqual(text.bytes, Array("[device]".utf8))
    // Only the command line is the process's own.
    guard case .failed = InputFile.follower(from: own + "environ", roots: nil)("vm.cfg") else { return XCTFail("found") }
  }
}
