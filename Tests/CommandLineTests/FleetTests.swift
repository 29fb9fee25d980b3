import Support
import Syntax
import XCTest

/// `lint --host DIR`: on which of many hosts a definition is safe.
final class FleetTests: XCTestCase {
  private let definition = Vfiogate.example("server-radeon-ats.qemu")

  func testEachDefinitionIsJudgedOnEveryHost() throws {
    let run = try Vfiogate.run("lint", definition, "--host", Fixture.path("hosts"), "--format", "json")
    XCTAssertEqual(run.status, 0, run.error)
    let hosts = try XCTUnwrap(run.json["definitions"]?.array?.first?["hosts"]?.array)
    let names = try Fixture.names(in: "hosts").filter { $0.hasSuffix(".host") }.map { String($0.dropLast(5)) }
    XCTAssertEqual(hosts.compactMap { $0["host"]?.string }, names)
    for host in hosts {
      let name = try XCTUnwrap(host["host"]?.string)
      let alone = try Vfiogate.run("lint", definition, "--host", Vfiogate.host(name), "--format", "json")
      XCTAssertEqual(host["verdict"], try alone.json["definitions"]?.array?.first?["verdict"], name)
    }
    XCTAssert(hosts.contains { $0["verdict"]?.string == "unsafe" && $0["rules"]?.array?.isEmpty == false })
  }

  func testTheTableNamesSafeHostsFirst() throws {
    let run = try Vfiogate.run("lint", definition, "--host", Fixture.path("hosts"))
    let lines = run.output.split(separator: "\n")
    XCTAssert(lines[0].hasSuffix("server-radeon-ats.qemu: safe on 1 of \(lines.count - 1)"), run.output)
    XCTAssert(lines[1].hasSuffix("  safe"), run.output)
    XCTAssert(lines[2...].allSatisfy { !$0.hasSuffix("  safe") }, run.output)
  }

  func testADefinitionThatIsSafeNowhereIsAFinding() throws {
    let folder = try TemporaryDirectory()
    try writeFile(folder.path + "/a.host", try Fixture.text("hosts/intel-no-device-tlb.host"))
    XCTAssertEqual(try Vfiogate.run("lint", definition, "--host", folder.path).status, 1)
  }

  func testDefinitionsAreNotTakenTogether() throws {
    let folder = try TemporaryDirectory()
    for name in ["a.qemu", "b.qemu"] { try writeFile(folder.path + "/" + name, try Fixture.text("../examples/server-radeon-ats.qemu")) }
    let run = try Vfiogate.run("lint", folder.path, "--host", Fixture.path("hosts"))
    XCTAssertEqual(run.status, 0, run.output)
  }

  func testADefinitionThatThePolicyAllowsIsSafeAsItIsForOneHost() throws {
    let folder = try TemporaryDirectory()
    try writeFile(folder.path + "/a.host", try Fixture.text("hosts/intel-no-device-tlb.host"))
    let policy = folder.path + "/policy"
    try writeFile(policy, "[allow \"ats-on-kernel-unsupported\"]\n  reason = \"known\"\n")
    let alone = try Vfiogate.run("lint", definition, "--host", folder.path + "/a.host", "--policy", policy)
    XCTAssertEqual(alone.status, 0, alone.output)
    let run = try Vfiogate.run("lint", definition, "--host", folder.path, "--policy", policy)
    XCTAssertEqual(run.status, 0, run.output)
    XCTAssert(run.output.contains(": safe on 1 of 1\n  a  safe by policy\n"), run.output)
  }

  func testWhatCannotBeReadIsTold() throws {
    let folder = try TemporaryDirectory()
    XCTAssertEqual(try Vfiogate.run("lint", definition, "--host", folder.path).status, 2)
    try writeFile(folder.path + "/broken.host", "nothing\n")
    let run = try Vfiogate.run("lint", definition, "--host", folder.path)
    XCTAssertEqual(run.status, 2)
    XCTAssert(run.error.contains("broken.host"), run.error)
    XCTAssertEqual(try Vfiogate.run("lint", definition, "--host", folder.path, "--format", "sarif").status, 64)
  }

  func testAFolderThatIsCalledLikeAChoiceOfHostIsNotTakenForIt() throws {
    let folder = try TemporaryDirectory()
    for name in ["none", "none/a.host"] {
      try XCTAssertEqual(Child.run("/bin/mkdir", ["\(folder.path)/\(name)"]).status, 0)
    }
    let script = "cd \"$0\" && exec \"$@\" --host none"
    let run = try Child.run("/bin/sh", ["-c", script, folder.path, try Child.built("vfiogate"), "lint", definition])
    XCTAssertEqual(run.status, 0, String(decoding: run.error, as: UTF8.self))
  }
}
