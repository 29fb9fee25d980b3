import Support
import Syntax
import XCTest

/// `ready` and `plan` as a user runs them.
final class ReadyTests: XCTestCase {
  private func ready(_ host: String, _ arguments: String...) throws -> Vfiogate {
    try Vfiogate.run(["ready", "--host", Vfiogate.host(host)] + arguments)
  }

  func testExitCodes() throws {
    XCTAssertEqual(try ready("desktop-amd-geforce", "0000:0a:00.0").status, 0)
    XCTAssertEqual(try ready("ugly", "0000:02:00.0").status, 1)
    XCTAssertEqual(try ready("ugly", "0000:04:00.0").status, 2)
    // One that is not ready outweighs one that is unknown, and one that is ready.
    XCTAssertEqual(try ready("ugly", "0000:05:00.0", "0000:04:00.0", "0000:02:00.0").status, 1)
    XCTAssertEqual(try ready("ugly").status, 0)
    XCTAssertEqual(try ready("container-partial-sys").status, 2)
    XCTAssertEqual(try ready("ugly", "0000:7f:00.0").status, 2)
    XCTAssertEqual(try ready("ugly", "gpu").status, 64)
  }

  func testTheTextFitsTheTerminal() throws {
    for host in ["desktop-amd-geforce", "ugly", "sriov-e810", "grace-gb200", "container-partial-sys"] {
      for columns in [80, 120] {
        let run = try Vfiogate.run(["ready", "--host", Vfiogate.host(host)], columns: columns)
        for line in run.output.split(separator: "\n") { XCTAssertLessThanOrEqual(line.count, columns, String(line)) }
      }
    }
    let text = try ready("desktop-amd-geforce", "0000:0a:00.0").output
    XCTAssert(text.contains("\n0000:0a:00.0  yes, only together with 0000:0a:00.1\n"), text)
  }

  /// A recording that was cut off names devices that it does not describe.
  func testNoDeviceOfAListIsLeftOut() throws {
    let folder = try TemporaryDirectory()
    let lines = try Fixture.text("hosts/desktop-amd-geforce.host").split(separator: "\n", omittingEmptySubsequences: false)
    for count in [40, 60, 120] {
      try writeFile(folder.path + "/cut.host", lines.prefix(count).joined(separator: "\n") + "\n")
      let run = try Vfiogate.run("ready", "--host", folder.path + "/cut.host")
      for address in ["0000:0a:00.0", "0000:0a:00.1", "0000:0e:00.0"] {
        XCTAssert(run.output.contains("\n\(address)  unknown"), "\(count): \(run.output)")
      }
    }
    // Without the list nothing says which there are.
    try writeFile(folder.path + "/cut.host", lines.prefix(10).joined(separator: "\n") + "\n")
    let run = try Vfiogate.run("ready", "--host", folder.path + "/cut.host")
    XCTAssert(run.output.contains("other devices: unknown: list of PCI functions: not in the recording"), run.output)
  }

  /// The verdicts are for one QEMU, which the user may not have.
  func testReadyAndPlanNameTheQEMU() throws {
    let assumed = "with QEMU 11.1.3 as released (assumed"
    XCTAssert(try ready("ugly").output.contains("\n\(assumed)"))
    XCTAssert(try ready("ugly", "--qemu", "7.2").output.hasSuffix("\nwith QEMU 7.2 as released\n"))
    XCTAssertEqual(try ready("ugly", "--format", "json").json["qemu-assumed"], .bool(true))
    for target in ["libvirt", "qemu", "proxmox", "kubevirt"] {
      let run = try Vfiogate.run("plan", "0000:05:00.0", "--for", target, "--host", Vfiogate.host("ugly"))
      XCTAssert(run.output.contains("judged \(assumed)"), run.output)
    }
  }

  func testAPlanThatMissesAFactSaysWhatDecidesIt() throws {
    let folder = try TemporaryDirectory()
    let lines = try Fixture.text("hosts/desktop-amd-geforce.host").split(separator: "\n", omittingEmptySubsequences: false)
    try writeFile(folder.path + "/cut.host", lines.prefix(40).joined(separator: "\n") + "\n")
    let run = try Vfiogate.run("plan", "0000:0a:00.0", "--for", "qemu", "--host", folder.path + "/cut.host")
    XCTAssertEqual(run.status, 2)
    XCTAssert(run.error.hasPrefix("vfiogate: unknown: "), run.error)
    XCTAssert(run.error.contains("\nvfiogate:   decided by: a newer recording"), run.error)
  }

  /// The advice of a plan is for its own options.
  func testMoreMemoryThanTheHostsBits() throws {
    let run = try Vfiogate.run("plan", "0000:05:00.0", "--for", "qemu", "--memory", "1024", "--host", Vfiogate.host("ugly"))
    XCTAssertEqual(run.status, 1)
    XCTAssert(run.error.contains("fix: give the guest less memory"), run.error)
  }

  func testJSON() throws {
    let run = try ready("ugly", "--format", "json", "0000:01:00.0")
    let json = try run.json
    XCTAssertEqual(json["host"]?["verdict"], .string("yes"))
    let device = try XCTUnwrap(json["devices"]?.array?.first)
    XCTAssertEqual(device["verdict"], .string("no"))
    XCTAssertEqual(device["only-together-with"], .array([.string("0000:01:00.1")]))
    XCTAssertEqual(device["reasons"]?.array?.first?["rule"], .string("rmrr-direct"))
  }

  func testAPlanIsADefinitionThatLintReads() throws {
    let plan = try Vfiogate.run(["plan", "0000:0a:00.0", "--for", "libvirt", "--host", Vfiogate.host("desktop-amd-geforce")])
    XCTAssertEqual(plan.status, 0, plan.error)
    let lint = try Vfiogate.run(["lint", "-", "--host", Vfiogate.host("desktop-amd-geforce")], input: Array(plan.output.utf8))
    XCTAssertEqual(lint.status, 0, lint.output + lint.error)
    XCTAssertEqual(try Vfiogate.run(["plan", "0000:0a:00.0", "--for", "xen"]).status, 64)
    XCTAssertEqual(try Vfiogate.run(["plan", "--for", "qemu"]).status, 64)
  }
}
