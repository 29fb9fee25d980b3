import Facts
import Host
import Inputs
import Prediction
import Support
import Syntax
import XCTest

@testable import Rules

/// Findings across definitions that no case file shows: policies, the order of definitions, and guests with two
/// definitions.
final class HostDeviceClaimsTests: XCTestCase {
  private func claims(_ source: String, _ options: String, policy: String = "") throws -> DefinitionClaims {
    let text = "qemu-system-x86_64 -M q35 \(options)"
    return try claims(.parse(SourceText(name: source, bytes: Array(text.utf8))), policy: policy)
  }

  private func domain(_ source: String, name: String, slot: String) throws -> DefinitionClaims {
    let text = """
      <domain type='kvm'><name>\(name)</name><memory>1048576</memory><os><type arch='x86_64' machine='q35'>hvm</type></os>
      <devices><hostdev mode='subsystem' type='pci' managed='yes'>
      <source><address domain='0' bus='1' slot='\(slot)' function='0'/></source></hostdev></devices></domain>
      """
    return try claims(.parse(SourceText(name: source, bytes: Array(text.utf8))))
  }

  private func claims(_ parsed: ParsedInput, policy: String = "") throws -> DefinitionClaims {
    let policy = try Policy.parse(
      SourceText(name: "policy", bytes: Array(policy.utf8)), today: Day(year: 2026, month: 6, day: 15))
    return DefinitionClaims(
      LintTarget(
        machine: parsed.machine, plugs: parsed.plugs, problems: [], host: Host(nothingKnown: "not read", source: "none"),
        qemu: .released(11, 1, "11.1"), policy: policy))
  }

  private func check(_ definitions: DefinitionClaims..., rule: String = "device-in-two-definitions") -> RuleReport {
    var all = HostDeviceClaims()
    for definition in definitions { all.add(definition) }
    return RuleRunner.check(all, by: Rule.all.filter { $0.name == rule })
  }

  /// A group that is not known may contain a device of another definition.
  func testAnUnknownGroupIsUndeterminedOnlyBesideOtherDevices() throws {
    let one = try claims("a", "-device vfio-pci,host=01:00.0,id=x"), plain = try claims("b", "-device e1000")
    XCTAssertEqual(check(one, plain, rule: "group-split-across-vms").undetermined, [])
    let other = try claims("c", "-device vfio-pci,host=02:00.0,id=y")
    let both = check(one, other, rule: "group-split-across-vms")
    XCTAssertEqual(both.undetermined.map(\.location.source), ["a"], "one keeps the run undetermined")
    XCTAssertEqual(both.verdict, .undetermined)
  }

  func testTheLaterOfTwoDefinitionsNamesTheEarlier() throws {
    let run = check(
      try claims("a", "-device vfio-pci,host=01:00.0,id=x"), try claims("b", "-device vfio-pci,host=02:00.0,id=y"),
      try claims("c", "-device vfio-pci,host=0000:01:00.0,id=z"))
    XCTAssertEqual(
      run.findings.map(\.message), ["`z` (0000:01:00.0) is also assigned in `a`, to `x` (0000:01:00.0)"])
    XCTAssertEqual(run.findings.map(\.location.source), ["c"])
    XCTAssertEqual(run.verdict, .unsafe)
  }

  func testThePolicyOfADefinitionAppliesToItsOwnFindingsOnly() throws {
    let allow = "[allow \"device-in-two-definitions\"]\nreason = \"one at a time\"\n"
    let device = "-device vfio-pci,host=01:00.0,id=x"
    let one = check(try claims("a", device, policy: allow), try claims("b", device))
    XCTAssertEqual(one.findings.map(\.location.source), ["b"])
    XCTAssertEqual(one.suppressed.map(\.finding.location.source), [])
    let both = check(try claims("a", device), try claims("b", device, policy: allow))
    XCTAssertEqual(both.findings.count, 0)
    XCTAssertEqual(both.suppressed.map(\.finding.location.source), ["b"])
    XCTAssertEqual(both.verdict, .safeByPolicy)
  }

  /// Functions of one group that two definitions share in part are one finding, not one for each pair of functions.
  func testAGroupThatTwoDefinitionsShareIsOneFinding() throws {
    let host = try HostRecording.load(Fixture.path("hosts/desktop-amd-geforce.host"))
    func claims(_ name: String, _ hosts: String...) -> DefinitionClaims {
      let devices = hosts.enumerated().map { "-device vfio-pci,host=\($1),id=\(name)\($0)" }.joined(separator: " ")
      let source = SourceText(name: name, bytes: Array("qemu-system-x86_64 \(devices)".utf8))
      let parsed = ParsedInput.parse(source, as: .shell)
      return DefinitionClaims(
        LintTarget(machine: parsed.machine, plugs: [], problems: [], host: host, qemu: .released(11, 1, "11.1")))
    }
    func messages(_ definitions: DefinitionClaims...) -> [String] {
      var all = HostDeviceClaims()
      for definition in definitions { all.add(definition) }
      return RuleRunner.check(all).findings.map { "\($0.rule): \($0.message)" }
    }
    XCTAssertEqual(
      messages(claims("a", "0a:00.0", "0a:00.1"), claims("b", "0a:00.0")),
      ["device-in-two-definitions: `b0` (0000:0a:00.0) is also assigned in `a`, to `a0` (0000:0a:00.0)"])
    XCTAssertEqual(
      messages(claims("a", "0a:00.0"), claims("b", "0a:00.0", "0a:00.1")),
      ["device-in-two-definitions: `b0` (0000:0a:00.0) is also assigned in `a`, to `a0` (0000:0a:00.0)"])
    XCTAssertEqual(
      messages(claims("a", "0a:00.0"), claims("b", "0a:00.1")),
      ["group-split-across-vms: `b0` (0000:0a:00.1) is in IOMMU group 23 with 0000:0a:00.0, which `a` assigns"])
  }

  func testADeviceThatIsNotResolvedIsUndeterminedOnlyBesideOtherDevices() throws {
    let unresolved = try claims("a", "-device vfio-pci,host=$GPU,id=x")
    XCTAssertEqual(check(unresolved, try claims("b", "-device e1000")).verdict, .safe)
    let run = check(unresolved, try claims("b", "-device vfio-pci,host=01:00.0,id=y"))
    XCTAssertEqual(run.undetermined.map(\.unknown.fact), ["host device of `x`"])
    XCTAssertEqual(run.undetermined.map(\.location.source), ["a"])
    XCTAssertEqual(run.verdict, .undetermined)
  }

  func testTwoDefinitionsOfOneDomainDoNotConflict() throws {
    let (one, snapshot) = (try domain("a", name: "vm", slot: "0"), try domain("b", name: "vm", slot: "0"))
    XCTAssertEqual(check(one, snapshot).findings.count, 0)
    let run = check(one, snapshot, try domain("c", name: "other", slot: "0"))
    XCTAssertEqual(run.findings.map(\.location.source), ["c"])
    XCTAssert(run.findings.allSatisfy { $0.message.contains("`a`") }, "\(run.findings.map(\.message))")
  }

  /// The first unknown fact stands for the others, but not for one that a policy treats as more severe.
  func testAnUnknownFactThatIsAllowedDoesNotHideAnother() throws {
    func one(_ name: String, policy: String = "") throws -> DefinitionClaims {
      try claims(name, "-device vfio-pci,host=$GPU,id=x", policy: policy)
    }
    let allow = "[allow \"device-in-two-definitions\"]\nreason = \"one at a time\"\n"
    let note = "[severity \"device-in-two-definitions\"]\nlevel = \"note\"\n"
    for policy in [allow, note] {
      let run = check(try one("a", policy: policy), try one("b"), try one("c"))
      XCTAssertEqual(run.undetermined.filter { $0.severity == .error }.map(\.location.source), ["b"], policy)
      XCTAssertEqual(run.verdict, .undetermined, policy)
    }
  }

  /// Claims that are kept share nothing with the definition.
  func testACopyReportsTheSame() throws {
    let one = try claims("a", "-device vfio-pci,host=01:00.0,id=a-rather-long-name-of-a-device")
    let other = try domain("a/rather/long/path/of/a/definition.xml", name: "a rather long name", slot: "0")
    let (plain, copies) = (check(one, other), check(one.copy(), other.copy()))
    XCTAssertEqual(plain.findings, copies.findings)
    XCTAssertEqual(plain.findings.count, 1)
    XCTAssertEqual(one.locations, one.copy().locations)
  }
}
