import Common
import Host
import Inputs
import Support
import Syntax
import XCTest

/// Advice for QEMU's messages about parts that are not assigned devices.
final class MessageAdviceTests: XCTestCase {
  func testNodesHaveMemoryOfOneKind() throws {
    let text = "qemu-system-x86_64 -M q35 -m 4G -object memory-backend-ram,id=m,size=2G -numa node,memdev=m -numa node,mem=2G "
      + "-device vfio-pci,host=0000:0a:00.0"
    let host = try HostRecording.load(Fixture.path("hosts/desktop-amd-geforce.host"))
    let source = SourceText(name: "definition", bytes: Array(text.utf8))
    let report = Judge(host: host, qemu: .released(11, 1, "11.1.3")).check(source, ParsedInput.parse(source, as: .shell)).report
    XCTAssertEqual(
      report.findings.filter { $0.rule == "launch-fails" }.map(\.fix),
      ["give every node of `-numa` a `memdev=`, or every one a `mem=`"])
  }
}
