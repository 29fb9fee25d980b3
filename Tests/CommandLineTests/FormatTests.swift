import Glibc
import Support
import Syntax
import XCTest

/// The formats for other programs carry the same facts, and are what they claim to be.
final class FormatTests: XCTestCase {
  private let host = Vfiogate.host("intel-no-device-tlb")

  /// A folder with two definitions of one device, of which one allows a finding, and a safe one; names need escaping.
  private func folder() throws -> TemporaryDirectory {
    let folder = try TemporaryDirectory()
    let text = String(decoding: try readFile(Vfiogate.example("server-radeon-ats.qemu")), as: UTF8.self)
    try writeFile(folder.path + "/a 100%,<&:\".qemu", text.replacingFirst("id=gpu", by: "id=gp%25"))
    try writeFile(folder.path + "/b.qemu", "# vfiogate: allow=ats-on-kernel-unsupported \"new\" kernel <first>\n" + text)
    try writeFile(folder.path + "/c.qemu", "qemu-system-x86_64 -M q35\n")
    return folder
  }

  private func run(_ format: String, _ more: String...) throws -> Vfiogate {
    let folder = try folder()
    return try Vfiogate.run(["lint", folder.path, folder.path + "/none", "--host", host, "--format", format] + more)
  }

  /// A page of code scanning has no file of ours beside it.
  func testSARIFHasNoRelativeLinks() throws {
    let run = try run("sarif")
    XCTAssert(run.output.contains("See `vfiogate explain realize-fails`."))
    for part in run.output.split(separator: "](").dropFirst() { XCTAssert(part.hasPrefix("https://"), String(part.prefix(60))) }
  }

  func testSARIFIsWhatTheStandardSays() throws {
    let run = try run("sarif")
    XCTAssertEqual(run.status, 2)
    let json = try run.json
    XCTAssertEqual(json["version"]?.string, "2.1.0")
    let only = try XCTUnwrap(json["runs"]?.array?.first)
    let rules = try XCTUnwrap(only["tool"]?["driver"]?["rules"]?.array)
    let results = try XCTUnwrap(only["results"]?.array).filter { $0["kind"] == nil }
    XCTAssertEqual(results.filter { $0["suppressions"] != nil }.count, 1)
    XCTAssertGreaterThan(results.count, 2)
    for result in results {
      guard case .integer(let index)? = result["ruleIndex"] else { return XCTFail(result.text()) }
      XCTAssertEqual(rules[Int(index)]["id"]?.string, result["ruleId"]?.string)
      let physical = result["locations"]?.array?.first?["physicalLocation"]
      let uri = try XCTUnwrap(physical?["artifactLocation"]?["uri"]?.string)
      XCTAssert(uri.utf8.allSatisfy { $0 > 0x20 && !"<>\"{}|\\^`".utf8.contains($0) }, uri)
      XCTAssertNotNil(physical?["region"]?["startLine"], result.text())
    }
    let allowed = results.first { $0["suppressions"] != nil }
    XCTAssertEqual(allowed?["suppressions"]?.array?.first?["justification"]?.string, "\"new\" kernel <first>")
    XCTAssertEqual(results.last?["ruleId"]?.string, "device-in-two-definitions")
    XCTAssertEqual(only["artifacts"]?.array?.count, 3)
    XCTAssertEqual(only["invocations"]?.array?.first?["executionSuccessful"], .bool(false))
  }

  func testPlacesInUTF16HaveLinesAndNoBytesOfAnotherText() throws {
    let text = "\u{feff}<domain type='kvm'>\n  <name>é</name><memory>1</memory><os><type>hvm</type></os><devices>\n"
      + "    <hostdev type='pci'/></devices></domain>"
    let bytes = text.utf16.flatMap { [UInt8($0 & 0xff), UInt8($0 >> 8)] }
    let json = try Vfiogate.run(["lint", "-", "--host", "none", "--format", "sarif"], input: bytes).json
    let result = try XCTUnwrap(json["runs"]?.array?.first?["results"]?.array?.first { $0["kind"] == nil })
    let region = result["locations"]?.array?.first?["physicalLocation"]?["region"]
    XCTAssertEqual(region?["startLine"], .integer(3), result.text())
    XCTAssertEqual(region?["startColumn"], .integer(5))
    XCTAssertNil(region?["byteOffset"])
  }

  func testGitHubAnnotationsAreEscaped() throws {
    let lines = try run("github").output.split(separator: "\n").map(String.init)
    let first = try XCTUnwrap(lines.first { $0.hasPrefix("::error file=") && $0.contains("ats-on-kernel-unsupported") })
    XCTAssert(first.contains("/a 100%25%2C<&%3A\".qemu,line=7,col="), first)
    XCTAssert(first.contains("`gp%2525`"), first)
    XCTAssert(first.contains("%0Afix: "), first)
    XCTAssert(lines.contains { $0.hasPrefix("::notice file=") && $0.contains("\"new\" kernel <first>") }, lines.joined())
    XCTAssert(lines.contains { $0.hasPrefix("::error title=vfiogate::") && $0.contains("No such file") }, lines.joined())
    XCTAssertEqual(lines.filter { $0.hasPrefix("::error file=") && $0.contains("title=device-in-two-definitions") }.count, 1)
    let totals = "3 definitions: 1 unsafe, 1 safe by policy, 1 safe; together unsafe; "
    XCTAssert(lines.last?.hasPrefix(totals) == true, lines.last ?? "")
  }

  func testJUnitIsWellFormed() throws {
    let run = try run("junit")
    XCTAssert(run.output.contains("message=\"allowed: &quot;new&quot; kernel &lt;first&gt;\""), run.output)
    XCTAssert(run.output.contains("<failure type=\"error\" "), run.output)
    XCTAssert(
      run.output.contains("<testsuite name=\"across definitions\" tests=\"2\" failures=\"1\" errors=\"0\""), run.output)
    XCTAssert(run.output.contains("<testsuite name=\"could not be read\" tests=\"1\" failures=\"0\" errors=\"1\""), run.output)
    guard access("/usr/bin/xmllint", X_OK) == 0 else { throw XCTSkip("SKIPPED: xmllint is not installed") }
    let (status, _, error) = try Child.run("/usr/bin/xmllint", ["--noout", "-"], input: Array(run.output.utf8))
    XCTAssertEqual(status, 0, String(decoding: error, as: UTF8.self))
  }

  func testASummaryHasCountsOnly() throws {
    let folder = try folder()
    let run = try Vfiogate.run("lint", folder.path, "--host", host, "--summary")
    XCTAssertEqual(run.status, 1)
    XCTAssertFalse(run.output.contains("fix:"), run.output)
    XCTAssert(run.output.contains("ats-on-kernel-unsupported  1\n"), run.output)
    XCTAssert(run.output.contains("device-in-two-definitions  1\n"), run.output)
    let totals = "3 definitions: 1 unsafe, 1 safe by policy, 1 safe; together unsafe; "
    XCTAssert(run.output.split(separator: "\n").last?.hasPrefix(totals) == true, run.output)
  }

  func testWhatIsNotPrintedCountsAllTheSame() throws {
    let text = "qemu-system-x86_64 -M q35 -object iommufd,id=i -device pcie-root-port,id=rp "
      + "-device vfio-pci,host=28:00.0,bus=rp,iommufd=i"
    let command = ["lint", "-", "--host", Vfiogate.host("pre71-vega"), "--fail-on", "warning"]
    let all = try Vfiogate.run(command, input: Array(text.utf8))
    XCTAssert(all.output.contains(" warning["), all.output)
    let errors = try Vfiogate.run(command + ["--min-severity", "error"], input: Array(text.utf8))
    XCTAssertEqual(errors.status, all.status)
    XCTAssertFalse(errors.output.contains(" warning["), errors.output)
  }

  func testEveryFormatIsTheSameTwice() throws {
    let folder = try folder()
    for format in ["text", "json", "sarif", "github", "junit"] {
      let command = ["lint", folder.path, "--host", host, "--format", format]
      XCTAssertEqual(try Vfiogate.run(command).output, try Vfiogate.run(command).output, format)
    }
  }
}

extension String {
  fileprivate func replacingFirst(_ text: String, by other: String) -> String {
    guard let range = firstRange(of: text) else { return self }
    return replacingCharacters(in: range, with: other)
  }

  private func replacingCharacters(in range: Range<String.Index>, with other: String) -> String {
    String(self[..<range.lowerBound]) + other + String(self[range.upperBound...])
  }
}
