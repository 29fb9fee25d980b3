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
