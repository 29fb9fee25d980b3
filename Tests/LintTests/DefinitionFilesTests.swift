import Glibc
import Support
import XCTest

@testable import Lint

/// The files that a directory argument stands for.
final class DefinitionFilesTests: XCTestCase {
  private func paths(_ files: DefinitionFiles, below folder: TemporaryDirectory) -> [String] {
    files.files.map { String($0.path.dropFirst(folder.path.count + 1)) }
  }

  func testADirectoryIsWalkedInTheOrderOfNames() throws {
    let folder = try TemporaryDirectory()
    mkdir(folder.path + "/b", 0o755)
    for name in ["c.args", "b/2.args", "b/1.args", "a.args", ".hidden"] { try writeFile(folder.path + "/" + name, "x") }
    let files = DefinitionFiles([folder.path])
    XCTAssertEqual(paths(files, below: folder), ["a.args", "b/1.args", "b/2.args", "c.args"])
    XCTAssertEqual(files.complaints, [])
    XCTAssertEqual(files.folders, [folder.path])
  }

  func testSymbolicLinksAreFollowedOnceAndLoopsEnd() throws {
    let folder = try TemporaryDirectory()
    mkdir(folder.path + "/autostart", 0o755)
    try writeFile(folder.path + "/vm.args", "x")
    symlink("../vm.args", folder.path + "/autostart/vm.args")
    symlink("..", folder.path + "/autostart/loop")
    symlink("nowhere", folder.path + "/broken")
    let files = DefinitionFiles([folder.path])
    XCTAssertEqual(paths(files, below: folder), ["autostart/vm.args"])
    XCTAssertEqual(files.complaints, [])
  }

  func testLinksToWhatTheFolderIsInAreNotEntered() throws {
    let folder = try TemporaryDirectory(), vms = folder.path + "/vms"
    for name in ["vms", "vms/sub", "isos"] { mkdir(folder.path + "/" + name, 0o755) }
    for name in ["vms/vm.args", "secret.args", "isos/a.args"] { try writeFile(folder.path + "/" + name, "x") }
    symlink("/", vms + "/root")
    symlink("../..", vms + "/sub/up")
    symlink("../isos", vms + "/isos")
    let files = DefinitionFiles([vms])
    XCTAssertEqual(paths(files, below: folder), ["vms/isos/a.args", "vms/vm.args"])
    XCTAssertEqual(files.complaints.count, 2)
    XCTAssertEqual(files.complaints.first, "\(vms)/root: a link to /, which \(vms) is in: not entered")
  }

  func testAHiddenFileIsTakenWhenItIsNamed() throws {
    let folder = try TemporaryDirectory()
    try writeFile(folder.path + "/.vm", "x")
    XCTAssertEqual(DefinitionFiles([folder.path]).files.count, 0)
    XCTAssertEqual(paths(DefinitionFiles([folder.path + "/.vm"]), below: folder), [".vm"])
  }

  func testAFileThatIsNamedTwiceIsJudgedOnce() throws {
    let folder = try TemporaryDirectory()
    try writeFile(folder.path + "/a", "x")
    XCTAssertEqual(DefinitionFiles([folder.path + "/a", folder.path, folder.path + "/./a"]).files.count, 1)
  }

  func testCapsThatAreHitAreSaid() throws {
    let folder = try TemporaryDirectory()
    for name in ["a", "b", "c", "d"] { try writeFile(folder.path + "/" + name, "x") }
    mkdir(folder.path + "/deep", 0o755)
    mkdir(folder.path + "/deep/er", 0o755)
    let few = DefinitionFiles([folder.path], limits: .init(files: 2, depth: 9))
    XCTAssertEqual(paths(few, below: folder), ["a", "b"])
    XCTAssertEqual(few.complaints, ["more than 2 files: the rest, from \(folder.path)/c on, was not read"])
    let shallow = DefinitionFiles([folder.path], limits: .init(files: 9, depth: 2))
    XCTAssertEqual(shallow.complaints, ["\(folder.path)/deep/er: deeper than 2 directories, not entered"])
  }

  func testADirectoryThatCannotBeReadIsSaidAndTheOthersAreWalked() throws {
    try XCTSkipIf(geteuid() == 0, "SKIPPED: root reads every directory")
    let folder = try TemporaryDirectory()
    mkdir(folder.path + "/shut", 0)
    try writeFile(folder.path + "/vm", "x")
    let files = DefinitionFiles([folder.path])
    XCTAssertEqual(paths(files, below: folder), ["vm"])
    XCTAssertEqual(files.complaints, ["\(folder.path)/shut: Permission denied"])
  }
}
