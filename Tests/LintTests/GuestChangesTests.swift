import Common
import Support
import XCTest

@testable import Lint

/// Verdicts on the definitions of two recordings of a host.
final class GuestChangesTests: XCTestCase {
  /// A guest that could not be read may be the one that the change concerns.
  func testADefinitionThatCannotBeReadIsNotWithoutChanges() throws {
    let folder = try TemporaryDirectory()
    let host = Fixture.path("hosts/desktop-amd-geforce.host")
    func changes(_ definition: String) throws -> GuestChanges {
      try GuestChanges(definitions: [folder.path + "/" + definition], old: host, new: host, qemu: .assumed)
    }
    try writeFile(folder.path + "/vm.args", "qemu-system-x86_64 -M q35 -device vfio-pci,host=0000:0a:00.0")
    XCTAssertEqual(try changes("vm.args").exit, .clean)
    XCTAssertEqual(try changes("none").exit, .couldNotLook)
  }
}
