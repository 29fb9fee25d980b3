import Facts
import Inputs
import Syntax
import XCTest

final class PolicyReaderTests: XCTestCase {
  private func parse(_ text: String) throws -> Policy {
    try .parse(SourceText(name: "fleet/.vfiogate.conf", bytes: Array(text.utf8)), today: Day(year: 2026, month: 6, day: 15))
  }

  func testEverySection() throws {
    let policy = try parse(
      """
      # decisions
      [allow "not-bound"]
        reason = "our script binds it"
        until = "2027-01-01"
      [guest "win*"]
        allow = "dup-id, iommufd-p2p"
        reason = "old"
      [severity "boot-vga-fb"]
        level = "note"
      [host "gpu-*.xml"]
        recording = "hosts/gpu.host"
      [host "*.sh"]
        recording = "/srv/a.host"
      """)
    XCTAssertEqual(policy.allowances.map(\.rule), ["not-bound", "dup-id", "iommufd-p2p"])
    XCTAssertEqual(policy.allowances[0].until, Day(year: 2027, month: 1, day: 1))
    XCTAssertEqual(policy.allowances.map(\.guest?.text), [nil, "win*", "win*"])
    XCTAssertEqual(policy.overrides.map(\.level), [.note])
    XCTAssertEqual(policy.host(of: "gpu-1.xml")?.host, "fleet/hosts/gpu.host")
    XCTAssertEqual(policy.host(of: "a.sh")?.host, "/srv/a.host")
    XCTAssertNil(policy.host(of: "a.xml"))
  }

  func testWhatIsNotAPolicyIsRefusedWithItsPlace() {
    for (text, place, reason) in [
      ("[allow \"a-b\"]\n", "1:1", "`[allow \"a-b\"]` has no `reason`"),
      ("[allow \"a-b\"]\nreason = \" \"\n", "1:1", "the reason is empty"),
      ("[allow \"a-b\"]\n  reason = because\n", "2:3", "the value of `reason` has no quotes"),
      ("[allow \"a-b\"]\n  reason = \"x\"\n  reason = \"y\"\n", "3:3", "`reason` is given twice"),
      ("[allow \"a-b\"]\n  reason = \"x\"\n  until = \"2026-02-30\"\n", "3:3", "`2026-02-30` is not a date: write it like 2027-01-01"),
      ("[allow not-bound]\nreason = \"x\"\n", "1:1", "section `allow not-bound` names nothing: write `[allow \"not-bound\"]`"),
      ("[allow]\nreason = \"x\"\n", "1:1", "section `allow` names nothing: write `[allow \"…\"]`"),
      ("\n[deny \"a-b\"]\n", "2:1", "there is no section `deny`: it is allow, guest, severity, host or device"),
      (
        "[alow \"a-b\"]\n", "1:1", "there is no section `alow`: it is allow, guest, severity, host or device; did you mean `allow`?"
      ),
      ("[severity \"a-b\"]\nlevel = \"eror\"\n", "2:1", "`eror` is not a level: use note, warning or error; did you mean `error`?"),
      ("[allow \"a-b\"]\nreson = \"x\"\n", "2:1", "`allow` has no `reson`: reason, until; did you mean `reason`?"),
      ("[device \"01:00:0\"]\nid = \"10de:2941\"\n", "1:1", "`01:00:0` is not a PCI address; did you mean 0000:01:00.0?"),
      ("[severity \"a-b\"]\nlevel = \"off\"\n", "2:1", "`off` is not a level: use note, warning or error"),
      ("[allow \"a-b\"]\nwhy = \"x\"\n", "2:1", "`allow` has no `why`: reason, until"),
      ("[guest \"g\"]\nallow = \"\"\nreason = \"x\"\n", "1:1", "`allow` names no rule"),
      ("reason = \"x\"\n", "1:1", "an entry before the first section"),
      ("allow not-bound\n", "1:1", "neither a section nor `key = \"value\"`"),
      ("[allow \"a-b\n", "1:1", "a section's header does not end in `]`"),
      ("[allow \"a-b\"]\nreason = \"x\n", "2:1", "a quote is never closed"),
    ] {
      XCTAssertThrowsError(try parse(text), text) { error in
        XCTAssertEqual("\(error)", "fleet/.vfiogate.conf:\(place): \(reason)", text)
      }
    }
  }

  func testGlobsMatchWholeNames() {
    for (glob, name, matches) in [
      ("win*", "win10", true), ("win*", "xwin10", false), ("*", "", true), ("?", "a", true), ("?", "", false),
      ("a*b*c", "aXbYbZc", true), ("a*b*c", "aXbYbZ", false), ("a", "ab", false), ("**", "x", true), ("[a]", "[a]", true),
    ] {
      XCTAssertEqual(Glob(glob).matches(name), matches, "\(glob) \(name)")
    }
  }

  func testDaysAreThoseOfTheCalendar() {
    for text in ["2024-02-29", "2000-02-29", "2026-12-31"] { XCTAssertEqual(Day(text)?.description, text) }
    for text in ["2023-02-29", "1900-02-29", "2026-13-01", "2026-1-1", "2026-00-10", "26-01-01", "2026-01-01 ", "+026-01-01", ""] {
      XCTAssertNil(Day(text), text)
    }
    XCTAssertLessThan(Day(year: 2026, month: 12, day: 31), Day(year: 2027, month: 1, day: 1))
  }

  func testCommentsAllowForWhatTheyAreAbout() {
    let text = """
      # vfiogate: allow=not-bound  for the whole
      exec qemu-system-x86_64 -M q35 \\
        # vfiogate: allow=dup-id the next one
        -device vfio-pci,host=01:00.0 \\
        -device vfio-pci,host=02:00.0 # vfiogate: allow=iommufd-p2p this line
      # vfiogate: allow=no-reset nothing
      """
    let parsed = ParsedInput.parse(SourceText(name: "t", bytes: Array(text.utf8)))
    XCTAssertEqual(parsed.allowances.map(\.rule), ["not-bound", "dup-id", "iommufd-p2p", "no-reset"])
    XCTAssertEqual(parsed.allowances.map(\.reason), ["for the whole", "the next one", "this line", "nothing"])
    XCTAssertNil(parsed.allowances[0].scope)
    let devices = parsed.machine.devices.compactMap(\.location.range)
    let covered = parsed.allowances.dropFirst().map { one in
      devices.map { range in one.scope.map { $0.lowerBound <= range.lowerBound && range.upperBound <= $0.upperBound } ?? true }
    }
    XCTAssertEqual(covered, [[true, false], [false, true], [false, false]])
  }

  func testXMLCommentsAllowForTheElementThatFollowsOrHoldsThem() {
    let text = """
      <!-- vfiogate: allow=not-bound all of it -->
      <domain type='kvm'><name>a</name>
        <devices>
          <!-- vfiogate: allow=dup-id the
               next one -->
          <hostdev mode='subsystem' type='pci'><source><address domain='0' bus='1' slot='0' function='0'/></source>
            <!-- vfiogate: allow=no-reset what holds it --></hostdev>
          <hostdev mode='subsystem' type='pci'><source><address domain='0' bus='2' slot='0' function='0'/></source></hostdev>
        </devices>
        <!-- vfiogate: allow=iommufd-p2p the domain -->
      </domain>
      """
    let parsed = ParsedInput.parse(SourceText(name: "t", bytes: Array(text.utf8)))
    XCTAssertEqual(parsed.problems, [])
    XCTAssertEqual(parsed.allowances.map(\.rule), ["not-bound", "dup-id", "no-reset", "iommufd-p2p"])
    XCTAssertEqual(parsed.allowances[1].reason, "the next one")
    let scopes = parsed.allowances.map { one in one.scope.map { String(decoding: Array(text.utf8)[$0].prefix(8), as: UTF8.self) } }
    XCTAssertEqual(scopes, [nil, "<hostdev", "<hostdev", nil])
    XCTAssertEqual(parsed.allowances[1].scope, parsed.allowances[2].scope)
  }

  func testCommentsWithoutARuleOrAReasonAreProblems() {
    for text in ["# vfiogate: allow=not-bound", "# vfiogate: allow= because", "# vfiogate: ignore", "# vfiogate:"] {
      let parsed = ParsedInput.parse(SourceText(name: "t", bytes: Array("\(text)\nqemu -M q35\n".utf8)))
      XCTAssertEqual(parsed.problems.count, 1, text)
      XCTAssertEqual(parsed.problems.first?.location.range?.lowerBound, 0, text)
      XCTAssertEqual(parsed.allowances.count, 0, text)
    }
    XCTAssertEqual(ParsedInput.parse(SourceText(name: "t", bytes: Array("# vfiogate is nice\nqemu -M q35\n".utf8))).problems, [])
  }

  func testExpectedDevices() throws {
    let policy = try parse("[device \"0000:01:00.0\"]\n  id = \"10de:2941\"\n")
    XCTAssertEqual(policy.pins.map(\.address), [PCIAddress("0000:01:00.0")])
    XCTAssertEqual(policy.pins.map(\.id), [PCIID(vendor: 0x10de, device: 0x2941)])
    for bad in [
      "[device \"gpu\"]\n  id = \"10de:2941\"\n", "[device \"0000:01:00.0\"]\n  id = \"2941\"\n",
      "[device \"0000:01:00.0\"]\n", "[device \"0000:01:00.0\"]\n  name = \"x\"\n",
    ] { XCTAssertThrowsError(try parse(bad), bad) }
  }
}
