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
    XCTAssert(lines[0].hasSuffix("server-radeon-ats.qemu: safe on 1 of \(lines.count - 2)"), run.output)
    XCTAssert(lines[1].hasSuffix("  safe"), run.output)
    XCTAssert(lines[2...].allSatisfy { !$0.hasSuffix("  safe") }, run.output)
    // Each other host has its reason, and the totals are last.
    XCTAssert(lines.contains { $0.contains("unsafe        ats-on-kernel-unsupported: `gpu` (0000:01:00.0) sets `ats=on`") }, run.output)
    XCTAssert(lines[lines.count - 1].hasPrefix("1 definition on \(lines.count - 2) hosts: 0 safe on all, 1 on some, 0 on none; "))
  }

  /// Formats that are text count each definition once, as the table does.
  func testTheClosingLineCountsDefinitions() throws {
    let table = try Vfiogate.run("lint", definition, "--host", Fixture.path("hosts"))
    for format in ["oneline", "github"] {
      let run = try Vfiogate.run("lint", definition, "--host", Fixture.path("hosts"), "--format", format)
      XCTAssertEqual(run.output.split(separator: "\n").last, table.output.split(separator: "\n").last, format)
      XCTAssertEqual(run.status, table.status)
    }
  }

  func testADefinitionThatIsSafeNowhereIsAFinding() throws {
    let folder = try TemporaryDirectory()
    try writeFile(folder.path + "/a.host", try Fixture.text("hosts/intel-no-device-tlb.host"))
    XCTAssertEqual(try Vfiogate.run("lint", definition, "--host", folder.path).status, 1)
  }

  /// The other formats have the findings on each host, and name it.
  func testEveryFormatNamesTheHosts() throws {
    let folder = try TemporaryDirectory()
    for name in ["a", "b"] { try writeFile("\(folder.path)/\(name).host", try Fixture.text("hosts/intel-no-device-tlb.host")) }
    for format in ["oneline", "sarif", "github", "junit"] {
      let run = try Vfiogate.run("lint", definition, "--host", folder.path, "--format", format)
      XCTAssertEqual(run.status, 1, format)
      for host in ["a", "b"] { XCTAssert(run.output.contains("on \(host): `gpu` (0000:01:00.0) sets"), "\(format): \(run.output)") }
    }
  }

  /// The exit code is that of single runs: a threshold counts, and an undetermined verdict says what would decide it.
  func testTheExitCodeIsThatOfSingleRuns() throws {
    let folder = try TemporaryDirectory()
    try writeFile(folder.path + "/a.host", try Fixture.text("hosts/grace-gb200.host"))
    let plug = Vfiogate.example("grace-hotplug-ats.qmp")
    let open = try Vfiogate.run("lint", plug, "--host", folder.path)
    XCTAssertEqual(open.status, 2)
    XCTAssert(open.error.contains("decided by `--guest FILE`"), open.error)
    XCTAssertEqual(try Vfiogate.run("lint", plug, "--host", folder.path, "--on-unknown", "warn").status, 0)
    try writeFile(folder.path + "/a.host", try Fixture.text("hosts/desktop-amd-geforce.host"))
    let desktop = Vfiogate.example("desktop-geforce.qemu")
    for (threshold, status) in [("error", Int32(0)), ("note", try Vfiogate.run(
      "lint", desktop, "--host", folder.path + "/a.host", "--fail-on", "note").status)] {
      XCTAssertEqual(try Vfiogate.run("lint", desktop, "--host", folder.path, "--fail-on", threshold).status, status)
    }
  }

  func testTheSummaryAndAllReasons() throws {
    let hosts = Fixture.path("hosts")
    let summary = try Vfiogate.run("lint", definition, "--host", hosts, "--summary").output
    XCTAssertEqual(summary.split(separator: "\n").count, 2, summary)
    let short = try Vfiogate.run("lint", definition, "--host", hosts).output
    let verbose = try Vfiogate.run("lint", definition, "--host", hosts, "--verbose").output
    XCTAssertGreaterThan(verbose.split(separator: "\n").count, short.split(separator: "\n").count)
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
