import Glibc
import Support
import XCTest

/// `fd=`, where a descriptor can be looked at. The iommufd is passed too, so that it does not matter whether
/// this machine has /dev/iommu.
final class DescriptorTests: XCTestCase {
  private static let bind = "error bind device fd=N to iommufd=M: Inappropriate ioctl for device"
  private let command =
    "qemu-system-x86_64 -machine q35 -object iommufd,id=i,fd=5 -device pcie-root-port,id=rp "
    + "-device vfio-pci,id=gpu,iommufd=i,bus=rp,fd="

  func testWithoutBeingToldWhereToLookNobodyKnows() throws {
    let run = try Vfiogate.run("lint", "-", "--verbose", input: command + "0")
    XCTAssertFalse(run.output.contains(DescriptorTests.bind), run.output)
    XCTAssert(run.output.contains("only the passed descriptor says which it is"), run.output)
  }

  func testInheritedDescriptorsAreThisProcesss() throws {
    // Standard input is a file.
    let run = try Vfiogate.run("lint", "-", "--inherited-fds", "--verbose", input: command + "0")
    XCTAssert(run.output.contains(DescriptorTests.bind), run.output)
  }

  func testAClosedDescriptorIsNotTakenForAnything() throws {
    let run = try Vfiogate.run("lint", "-", "--inherited-fds", "--verbose", input: command + "777")
    XCTAssert(run.output.contains("descriptor 777: Bad file descriptor"), run.output)
  }

  func testAnotherProcesssDescriptorsAreLookedAtThere() throws {
    let folder = try TemporaryDirectory()
    let qemu = folder.path + "/qemu-system-x86_64"
    XCTAssertEqual(symlink("/bin/bash", qemu), 0)
    var ends: [Int32] = [0, 0]
    XCTAssertEqual(pipe(&ends), 0)
    defer { ends.forEach { close($0) } }
    // bash -s reads commands until the pipe ends, and takes what comes after `x` for arguments.
    let words = (command + "0").split(separator: " ").dropFirst().map(String.init)
    let child = try Child(qemu, ["-s", "x"] + words, input: ends[0])
    defer { child.end() }
    let run = try Vfiogate.run("lint", "/proc/\(child.processID)/cmdline", "--verbose")
    XCTAssert(run.output.contains(DescriptorTests.bind), run.output)
  }

  func testNamesAreThoseOfGetfd() throws {
    let plug =
      #"{"execute": "device_add", "arguments": {"driver": "vfio-pci", "id": "g", "iommufd": "i", "fd": "dev0"}}"#
    let guest = try TemporaryDirectory()
    try writeFile(guest.path + "/guest", "qemu-system-x86_64 -machine pc -object iommufd,id=i,fd=5")
    let arguments = ["lint", "-", "--guest", guest.path + "/guest", "--verbose"]
    let unnamed = try Vfiogate.run(arguments, input: Array(plug.utf8))
    XCTAssert(unnamed.output.contains("only the monitor knows which names getfd was given"), unnamed.output)
    let named = try Vfiogate.run(arguments + ["--fd", "dev0=0"], input: Array(plug.utf8))
    XCTAssert(named.output.contains(DescriptorTests.bind), named.output)
  }

  func testTheyGoWithTheLiveHostAlone() throws {
    let host = Vfiogate.host("intel-no-device-tlb")
    for option in [["--inherited-fds"], ["--fd", "dev0=3"]] {
      let run = try Vfiogate.run(["lint", "-", "--host", host] + option, input: Array(command.utf8))
      XCTAssertEqual(run.status, 64, run.output)
      XCTAssert(run.error.contains("--host live"), run.error)
    }
    for text in ["dev0", "dev0=", "=3", "dev0=-1", "dev0=x"] {
      XCTAssertEqual(try Vfiogate.run("lint", "-", "--fd", text, input: command).status, 64, text)
    }
  }
}
