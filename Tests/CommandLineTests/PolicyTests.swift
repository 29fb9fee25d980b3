import Glibc
import Support
import Syntax
import XCTest

/// `.vfiogate.conf`, `--policy` and what they do to output and exit code.
final class PolicyTests: XCTestCase {
  private let host = Vfiogate.host("intel-no-device-tlb")
  private let rule = "ats-on-kernel-unsupported"
  private let allow = "[allow \"ats-on-kernel-unsupported\"]\n  reason = \"kernel is replaced first\"\n"

  private func folder(_ files: [String: String]) throws -> TemporaryDirectory {
    let folder = try TemporaryDirectory()
    let example = String(decoding: try readFile(Vfiogate.example("server-radeon-ats.qemu")), as: UTF8.self)
    try writeFile(folder.path + "/vm.qemu", example)
    for (name, text) in files { try writeFile(folder.path + "/" + name, text) }
    return folder
  }

  func testWhatIsAllowedIsCountedShownAndSafeByPolicyOnly() throws {
    let folder = try folder([".vfiogate.conf": allow])
    let run = try Vfiogate.run("lint", folder.path, "--host", host)
    XCTAssertEqual(run.status, 0, run.output)
    XCTAssert(run.output.contains("\n1 finding is allowed by policy; --verbose shows them\n"), run.output)
    XCTAssert(run.output.contains("vm.qemu: safe by policy with "), run.output)
    let verbose = try Vfiogate.run("lint", folder.path + "/vm.qemu", "--host", host, "--verbose").output
    XCTAssert(verbose.contains("reason: kernel is replaced first (\(folder.path)/.vfiogate.conf:1)\n"), verbose)
    let definition = try Vfiogate.run("lint", folder.path, "--host", host, "--format", "json").json["definitions"]?.array?.first
    XCTAssertEqual(definition?["verdict"]?.string, "safe-by-policy")
    XCTAssertEqual(definition?["findings"]?.array?.count, 0)
    let suppressed = definition?["suppressed"]?.array?.first
    XCTAssertEqual(suppressed?["rule"]?.string, rule)
    XCTAssertEqual(suppressed?["allowed"]?["reason"]?.string, "kernel is replaced first")
  }

  func testANamedPolicyReplacesTheOneBesideAndNoneIsNone() throws {
    let folder = try folder([".vfiogate.conf": allow, "other.conf": "[severity \"\(rule)\"]\nlevel = \"warning\"\n"])
    let run = try Vfiogate.run("lint", folder.path, "--host", host, "--policy", folder.path + "/other.conf")
    XCTAssertEqual(run.status, 0, run.error)
    XCTAssert(run.output.contains("warning[\(rule)]"), run.output)
    XCTAssert(run.output.contains("vm.qemu: safe by policy with "), run.output)
    XCTAssertEqual(try Vfiogate.run("lint", folder.path, "--host", host, "--policy", "none").status, 1)
  }

  func testTheNearestPolicyUpToTheNamedDirectoryApplies() throws {
    let folder = try folder([".vfiogate.conf": allow])
    mkdir(folder.path + "/a", 0o755)
    mkdir(folder.path + "/a/b", 0o755)
    XCTAssertEqual(rename(folder.path + "/vm.qemu", folder.path + "/a/b/vm.qemu"), 0)
    XCTAssertEqual(try Vfiogate.run("lint", folder.path, "--host", host).status, 0)
    XCTAssertEqual(try Vfiogate.run("lint", folder.path + "/a", "--host", host).status, 1, "outside of what was named")
    XCTAssertEqual(try Vfiogate.run("lint", folder.path + "/a/b/vm.qemu", "--host", host).status, 1)
  }

  func testAPolicyThatCannotBeUsedIsRefusedAndOthersAreJudged() throws {
    let folder = try folder([:])
    mkdir(folder.path + "/bad", 0o755)
    try writeFile(folder.path + "/bad/.vfiogate.conf", allow + "[allow]\n")
    try writeFile(folder.path + "/bad/a.qemu", "qemu-system-x86_64 -M q35\n")
    try writeFile(folder.path + "/bad/b.qemu", "qemu-system-x86_64 -M q35\n")
    let run = try Vfiogate.run("lint", folder.path, "--host", host)
    XCTAssertEqual(run.status, 2)
    XCTAssertEqual(
      run.error, "vfiogate: \(folder.path)/bad/.vfiogate.conf:3:1: section `allow` names nothing: write `[allow \"…\"]`\n")
    XCTAssert(run.output.contains("vm.qemu: unsafe with "), run.output)
    let named = try Vfiogate.run("lint", folder.path + "/vm.qemu", "--host", host, "--policy", folder.path + "/nope")
    XCTAssertEqual(named.status, 2)
    XCTAssertEqual(named.error, "vfiogate: \(folder.path)/nope: No such file or directory\n")
  }

  func testWhatIsWrongWithAPolicyIsToldOnceWithItsOwnPlace() throws {
    let folder = try folder([".vfiogate.conf": "# ours\n[allow \"not-bond\"]\nreason = \"x\"\n"])
    try writeFile(folder.path + "/second.qemu", "qemu-system-x86_64 -M q35\n")
    let run = try Vfiogate.run("lint", folder.path, "--host", host)
    let warnings = run.output.split(separator: "\n").filter { $0.contains("[policy-unknown-rule]") }
    XCTAssertEqual(warnings, ["\(folder.path)/.vfiogate.conf:2:1: warning[policy-unknown-rule]: there is no rule `not-bond`"])
    XCTAssert(run.output.contains("  2 | [allow \"not-bond\"]\n    | ^^^^^^^^"), run.output)
  }

  func testAPolicySaysWhichHostADefinitionIsFor() throws {
    let recording = String(decoding: try readFile(host), as: UTF8.self)
    let folder = try folder([".vfiogate.conf": "[host \"vm.*\"]\nrecording = \"here.host\"\n", "here.host": recording])
    let run = try Vfiogate.run("lint", folder.path, "--format", "json")
    XCTAssertEqual(run.status, 1, run.error)
    XCTAssertEqual(try run.json["definitions"]?.array?.first?["host"]?.string, "\(folder.path)/here.host")
    let given = try Vfiogate.run("lint", folder.path, "--format", "json", "--host", "none")
    XCTAssertEqual(try given.json["definitions"]?.array?.first?["host"]?.string, "none")
  }

  func testTheTotalsNameTheHostOrCountTheHosts() throws {
    let recording = String(decoding: try readFile(host), as: UTF8.self)
    let hosts = ["vm", "other"].map { "[host \"\($0).*\"]\nrecording = \"\($0).host\"\n" }.joined()
    let folder = try folder([".vfiogate.conf": hosts, "vm.host": recording, "other.host": recording])
    func totals() throws -> Substring? {
      try Vfiogate.run("lint", folder.path, "--format", "oneline").output.split(separator: "\n").last
    }
    XCTAssertEqual(try totals()?.hasSuffix(" on \(folder.path)/vm.host"), true)
    try writeFile(folder.path + "/other.qemu", try Fixture.text("../examples/server-radeon-ats.qemu"))
    XCTAssertEqual(try totals()?.hasSuffix(" on 2 hosts"), true)
  }

  func testCommentsAllowOnlyWhatTheyAreAbout() throws {
    let folder = try folder([:])
    let text = String(decoding: try readFile(folder.path + "/vm.qemu"), as: UTF8.self)
    try writeFile(folder.path + "/all.qemu", "# vfiogate: allow=\(rule) new kernel first\n" + text)
    let all = try Vfiogate.run("lint", folder.path + "/all.qemu", "--host", host)
    XCTAssertEqual(all.status, 0, all.output)
    try writeFile(folder.path + "/other.qemu", text + "  # vfiogate: allow=\(rule) about nothing\n")
    XCTAssertEqual(try Vfiogate.run("lint", folder.path + "/other.qemu", "--host", host).status, 1)
  }
}
