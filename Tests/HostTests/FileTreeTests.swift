import Glibc
import Support
import XCTest

@testable import Host

/// "Could not be read" is never "absent": the invariant that every fact of a host rests on. Root reads everything, so
/// the errors are such as root gets too.
final class FileTreeTests: XCTestCase {
  private func isFailed<T>(_ result: ReadResult<T>, _ text: String) -> Bool {
    if case .failed(let reason) = result { return reason.hasSuffix(text) }
    return false
  }

  private func isAbsent<T>(_ result: ReadResult<T>) -> Bool {
    if case .absent = result { return true }
    return false
  }

  /// Removed with the test.
  private var folder: TemporaryDirectory?

  private func tree() throws -> (FileTree, TemporaryDirectory) {
    let folder = try TemporaryDirectory()
    self.folder = folder
    try writeFile(folder.path + "/file", " text\n")
    XCTAssertEqual(mkdir(folder.path + "/folder", 0o755), 0)
    XCTAssertEqual(symlink("loop", folder.path + "/loop"), 0)
    XCTAssertEqual(symlink("../target/name", folder.path + "/link"), 0)
    XCTAssertEqual(symlink("nowhere", folder.path + "/dangling"), 0)
    return (FileTree(root: folder.path), folder)
  }

  func testWhatIsThereIsFound() throws {
    let (tree, _) = try tree()
    guard case .found(" text\n") = tree.bytes("/file").map({ String(decoding: $0, as: UTF8.self) }),
      case .found("text") = tree.text("/file"), case .found("../target/name") = tree.link("/link"),
      case .found("name") = tree.linkName("/link"), case .found([]) = tree.list("/folder"),
      case .found(["dangling", "file", "folder", "link", "loop"]) = tree.list("/")
    else { return XCTFail("not found") }
  }

  func testOnlyAMissingNameInAReadableFolderIsAbsent() throws {
    let (tree, _) = try tree()
    XCTAssertTrue(isAbsent(tree.bytes("/folder/none")))
    XCTAssertTrue(isAbsent(tree.text("/folder/none")))
    XCTAssertTrue(isAbsent(tree.list("/folder/none")))
    XCTAssertTrue(isAbsent(tree.link("/folder/none")))
    XCTAssertTrue(isAbsent(tree.linkName("/folder/none")))
  }

  /// ENOENT of a folder that is not there itself: a container's partial view, and no absence.
  func testAMissingFolderIsAFailure() throws {
    let (tree, _) = try tree()
    let text = "No such file or directory"
    XCTAssertTrue(isFailed(tree.bytes("/none/file"), text))
    XCTAssertTrue(isFailed(tree.text("/none/file"), text))
    XCTAssertTrue(isFailed(tree.list("/none/folder"), text))
    XCTAssertTrue(isFailed(tree.link("/none/link"), text))
    XCTAssertTrue(isFailed(tree.bytes("/none"), text), "the root's own listing is never asked")
  }

  func testEveryOtherErrorIsAFailure() throws {
    let (tree, _) = try tree()
    let long = "/folder/" + String(repeating: "x", count: 300)
    for (path, text) in [
      ("/loop", "Too many levels of symbolic links"), ("/file/inside", "Not a directory"), (long, "File name too long"),
      ("/loop/inside", "Too many levels of symbolic links")
    ] {
      XCTAssertTrue(isFailed(tree.bytes(path), text), "bytes of \(path)")
      XCTAssertTrue(isFailed(tree.text(path), text), "text of \(path)")
      XCTAssertTrue(isFailed(tree.list(path), text), "list of \(path)")
    }
    XCTAssertTrue(isFailed(tree.bytes("/folder"), "Is a directory"))
    XCTAssertTrue(isFailed(tree.text("/folder"), "Is a directory"))
    XCTAssertTrue(isFailed(tree.list("/file"), "Not a directory"))
    XCTAssertTrue(isFailed(tree.link("/file"), "Invalid argument"))
    XCTAssertTrue(isFailed(tree.linkName("/file"), "Invalid argument"))
    XCTAssertTrue(isFailed(tree.link("/file/inside"), "Not a directory"))
  }

  /// The files of a host below a folder lead to that host's own, and never to this machine's.
  func testNoLinkLeadsOutOfTheRoot() throws {
    let (tree, folder) = try tree()
    let up = String(repeating: "../", count: 20)
    let outside = try TemporaryDirectory()
    try writeFile(outside.path + "/secret", "this machine's")
    for (name, target) in [
      ("absolute", outside.path + "/secret"), ("many", up + outside.path.dropFirst() + "/secret"), ("parent", outside.path),
      ("inner", "/file"), ("above", up + "file"), ("folder/deep", "../file"), ("chain", "/inner"),
    ] { XCTAssertEqual(symlink(target, folder.path + "/" + name), 0) }
    for path in ["/absolute", "/many", "/parent/secret", "/\(up)\(outside.path)/secret"] {
      if case .found = tree.bytes(path) { XCTFail("bytes of \(path)") }
      XCTAssertNotEqual(tree.access(to: path), .known(.accessible), path)
      XCTAssertFalse(tree.size(ofROM: path) == .known(14), path)
    }
    if case .found = tree.list("/parent") { XCTFail("list of /parent") }
    for path in ["/inner", "/above", "/folder/deep", "/chain", "/\(up)file"] {
      guard case .found("text") = tree.text(path) else { return XCTFail(path) }
    }
    for number in 0...45 {
      XCTAssertEqual(symlink(number == 45 ? outside.path + "/secret" : "l\(number + 1)", folder.path + "/l\(number)"), 0)
    }
    if case .found = tree.bytes("/l0") { XCTFail("a chain of links") }
  }

  /// A read that fails after open(2) succeeded, as sysfs attributes of a device in trouble do: EIO.
  func testAReadThatFailsIsAFailure() throws {
    XCTAssertTrue(isFailed(FileTree(root: "/").bytes("/proc/self/mem"), "Input/output error"))
  }

  func testWhereTheUserMayNotLookNothingIsAbsent() throws {
    guard geteuid() == 0 else { throw XCTSkip("SKIPPED: only root can become another user; run the tests as root") }
    let (tree, folder) = try tree()
    XCTAssertEqual(chmod(folder.path, 0o755), 0)
    XCTAssertEqual(chmod(folder.path + "/folder", 0o700), 0)
    XCTAssertEqual(seteuid(65534), 0)
    defer { XCTAssertEqual(seteuid(0), 0) }
    XCTAssertTrue(isFailed(tree.bytes("/folder/none"), "Permission denied"))
    XCTAssertTrue(isFailed(tree.list("/folder/none"), "Permission denied"))
    XCTAssertTrue(isFailed(tree.link("/folder/none"), "Permission denied"))
    XCTAssertTrue(isFailed(tree.list("/folder"), "Permission denied"))
  }

  func testAFailureIsUnknownAndAnAbsenceIsNot() {
    let absent = ReadResult<Int>.absent.known("fact", absent: .known(0))
    XCTAssertEqual(absent, .known(0))
    let failed = ReadResult<Int>.failed("why").known("fact", absent: .known(0))
    XCTAssertEqual(failed, .unknown("fact", "why"))
    XCTAssertEqual(ReadResult.found(1).known("fact", absent: .known(0)), .known(1))
    XCTAssertEqual(ReadResult<Int>.absent.map { $0 + 1 }.known("fact", absent: .known(7)), .known(7))
    XCTAssertEqual(ReadResult<Int>.failed("why").map { $0 + 1 }.known("fact", absent: .known(7)), .unknown("fact", "why"))
  }
}
