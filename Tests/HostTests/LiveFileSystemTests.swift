import Facts
import Support
import XCTest

@testable import Host

/// File systems of paths, as statfs(2) reports them.
final class LiveFileSystemTests: XCTestCase {
  func testMemoryAndOthers() throws {
    let tree = FileTree(root: "/")
    XCTAssertEqual(tree.fileSystem(of: "/proc/self"), .known(.disk), "what is not in memory")
    XCTAssertFalse(tree.fileSystem(of: "relative").isKnown)
    guard case .found(let mounts) = tree.bytes("/proc/self/mountinfo", limit: 1 << 20),
      String(decoding: mounts, as: UTF8.self).contains(" /dev/shm rw")
    else { throw XCTSkip("SKIPPED: /dev/shm is not mounted") }
    XCTAssertEqual(tree.fileSystem(of: "/dev/shm"), .known(.memory))
    XCTAssertEqual(tree.fileSystem(of: "/dev/shm/not/there/yet"), .known(.memory))
  }

  func testTheFolderOfQEMUConf() throws {
    let tree = try FixtureTree()
    let files = FileTree(root: tree.root)
    tree.directory("/etc/libvirt")
    XCTAssertEqual(files.libvirtMemoryFolder, .known("/var/lib/libvirt/qemu/ram"))
    tree.file("/etc/libvirt/qemu.conf", "#memory_backing_dir = \"/no\"\nuser = \"root\"\nmemory_backing_dir = \"/dev/shm/vms\"\n")
    XCTAssertEqual(files.libvirtMemoryFolder, .known("/dev/shm/vms"))
  }

  func testOfNetworksOnlyTheFilesOfLibvirtAreRead() throws {
    let tree = try FixtureTree()
    let files = FileTree(root: tree.root)
    tree.directory("/etc/libvirt/qemu/networks")
    tree.file("/etc/libvirt/qemu/networks/vfs.xml", "<network/>\n")
    tree.file("/etc/libvirt/qemu/secret.xml", "<secret/>\n")
    XCTAssertEqual(files.libvirtNetwork("vfs"), .known("<network/>"))
    for name in ["../secret", "", ".", "..", "none", "/etc/libvirt/qemu/secret"] {
      XCTAssertFalse(files.libvirtNetwork(name).isKnown, name)
    }
  }
}
