import Common
import Host
import Inputs
import Support
import Syntax
import XCTest

/// Advice for QEMU's messages about parts that are not assigned devices.
final class MessageAdviceTests: XCTestCase {
  private func fixes(_ options: String) throws -> [String] {
    let text = "qemu-system-x86_64 -M q35 \(options) -device vfio-pci,host=0000:0a:00.0"
    let host = try HostRecording.load(Fixture.path("hosts/desktop-amd-geforce.host"))
    let source = SourceText(name: "definition", bytes: Array(text.utf8))
    let report = Judge(host: host, qemu: .released(11, 1, "11.1.3")).check(source, ParsedInput.parse(source, as: .shell)).report
    return report.findings.filter { ["launch-fails", "crashes-qemu"].contains($0.rule) }.map(\.fix)
  }

  func testEachMessageHasAdvice() throws {
    let shared = "add `mux=on` to its `-chardev`, or give each user a character device of its own"
    for (options, fix) in [
      ("-m 4G -object memory-backend-ram,id=m,size=2G -numa node,memdev=m -numa node,mem=2G",
        "give every node of `-numa` a `memdev=`, or every one a `mem=`"),
      ("-device virtio-net-pci,netdve=n", "write `netdev=`"),
      ("-device e1000,mitigation=off", "remove `mitigation` from `e1000`, which does not have it in this QEMU"),
      ("-netdev user,id=n -netdev user,id=n", "give each of them an `id=` of its own"),
      ("-append x", "add `-kernel`, or remove the option"), ("-blockdev null-co", "add `node-name=`"),
      ("-serial chardev:c", "name a `-chardev` that there is, or add one: `-chardev pty,id=ID`"),
      ("-chardev null,id=c -mon c -serial chardev:c", shared), ("-chardev null,id=c -mon c -mon c", shared),
      ("-chardev null,id=c -mon c,pretty=on", "add `mode=control`, or remove `pretty=on`"),
    ] {
      XCTAssertEqual(try fixes(options), [fix], options)
    }
    XCTAssertEqual(try fixes("-chardev null,id=c,mux=on -mon c -serial chardev:c"), [])
  }
}
