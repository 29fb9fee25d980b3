import Facts
import Glibc
import Support
import XCTest

@testable import Common

/// Files that are replaced as a whole.
final class OutputFileTests: XCTestCase {
  private func text(_ path: String) throws -> String { String(decoding: try readFile(path), as: UTF8.self) }

  private func mode(_ path: String) -> mode_t? {
    var status = stat()
    return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : nil
  }

  private func names(_ folder: TemporaryDirectory) throws -> [String] {
    String(decoding: try Child.run("/bin/ls", ["-A", folder.path]).output, as: UTF8.self)
      .split(separator: "\n").map(String.init)
  }

  func testAFileIsReplacedAndNothingElseIsLeft() throws {
    let folder = try TemporaryDirectory()
    let path = folder.path + "/file"
    for content in ["first and longer\n", "second\n"] {
      try OutputFile.write(content, to: path)
      XCTAssertEqual(try text(path), content)
      XCTAssertEqual(try names(folder), ["file"])
    }
  }

  func testTheModeIsKeptOrGiven() throws {
    let folder = try TemporaryDirectory()
    let path = folder.path + "/file"
    try writeFile(path, "old", mode: 0o600)
    try OutputFile.write("new", to: path)
    XCTAssertEqual(mode(path), 0o600)
    try OutputFile.write("new", to: path, mode: 0o755)
    XCTAssertEqual(mode(path), 0o755)
  }

  /// Links under the names that are tried first, to a file of another user's choice.
  func testAPlantedLinkIsNotFollowed() throws {
    let folder = try TemporaryDirectory()
    let (path, victim) = (folder.path + "/file", folder.path + "/victim")
    try writeFile(victim, "precious")
    for name in [".new", ".\(getpid()).0", ".\(getpid()).1"] { symlink(victim, path + name) }
    try OutputFile.write("new", to: path)
    XCTAssertEqual(try text(victim), "precious")
    XCTAssertEqual(try text(path), "new")
    XCTAssertEqual(mode(path).map { $0 & 0o111 }, 0)
  }

  /// The name is replaced, and not the file that a link of that name leads to.
  func testALinkIsReplacedAndItsTargetIsUnchanged() throws {
    let folder = try TemporaryDirectory()
    let (path, target) = (folder.path + "/file", folder.path + "/target")
    try writeFile(target, "precious")
    symlink(target, path)
    try OutputFile.write("new", to: path)
    XCTAssertEqual(try text(target), "precious")
    XCTAssertEqual(try text(path), "new")
  }

  func testADeviceIsWrittenAndNotReplaced() throws {
    try OutputFile.write("text", to: "/dev/null")
    var status = stat()
    XCTAssertEqual(stat("/dev/null", &status), 0)
    XCTAssertEqual(status.st_mode & S_IFMT, S_IFCHR)
    XCTAssertThrowsError(try OutputFile.write("text", to: "/dev/full")) {
      XCTAssertEqual("\($0)", "/dev/full: No space left on device")
    }
  }

  func testAFailureNamesThePathAndLeavesNothing() throws {
    let folder = try TemporaryDirectory()
    XCTAssertThrowsError(try OutputFile.write("text", to: folder.path)) {
      XCTAssertEqual("\($0)", "\(folder.path): Is a directory")
    }
    XCTAssertThrowsError(try OutputFile.write("text", to: folder.path + "/none/file")) {
      XCTAssertEqual("\($0)", "\(folder.path)/none/file: No such file or directory")
    }
    XCTAssertEqual(try names(folder), [])
  }
}
