import Facts
import Prediction
import RuleCases
import Syntax
import XCTest

@testable import Report
@testable import Rules

/// The text of a terminal: columns, carets, wrapping, and what is not repeated.
final class TextLayoutTests: XCTestCase {
  private func excerpt(_ text: String, of part: String, width: Int? = 80) throws -> [String] {
    let source = SourceText(name: "t", bytes: Array(text.utf8))
    let start = try XCTUnwrap(Array(text.utf8).firstRange(of: Array(part.utf8))).lowerBound
    let lines = Excerpt(start..<start + part.utf8.count, in: source, number: 1).lines(Style(isColoured: false, width: width), .error)
    for line in lines { XCTAssertLessThanOrEqual(line.columns, width ?? 100, line) }
    return lines
  }

  /// The text above the carets.
  private func marked(_ lines: [String]) throws -> String {
    let from = try XCTUnwrap(lines.last?.prefix { $0 != "^" }).columns
    let count = try XCTUnwrap(lines.last?.count { $0 == "^" })
    var column = 0
    var text = ""
    for scalar in try XCTUnwrap(lines.first).unicodeScalars {
      if column >= from, column + scalar.columns <= from + count { text.unicodeScalars.append(scalar) }
      column += scalar.columns
    }
    return text
  }

  func testCaretsAreBelowTheTextWithTabsAndWideCharacters() throws {
    for text in [
      "\tqemu\t-device vfio-pci,idd=x", "-name 'Größe 日本' -device vfio-pci,idd=x", "e\u{301}\u{1f600} -device vfio-pci,idd=x",
      "-name \u{1}\u{202e} -device vfio-pci,idd=x", String(repeating: "日", count: 200) + " -device vfio-pci,idd=x",
      String(repeating: "x", count: 90) + " -device vfio-pci,idd=x " + String(repeating: "y", count: 900),
    ] {
      XCTAssertEqual(try marked(try excerpt(text, of: "idd=x")), "idd=x", text)
      XCTAssertEqual(try marked(try excerpt(text, of: "idd=x", width: nil)), "idd=x", text)
    }
  }

  func testACutLineSaysSo() throws {
    let long = String(repeating: "x", count: 300)
    XCTAssert(try excerpt("\(long) here \(long)", of: "here")[0].hasPrefix("  1 | …"))
    XCTAssert(try excerpt("\(long) here \(long)", of: "here")[0].hasSuffix("…"))
    XCTAssertFalse(try excerpt("a short here", of: "here")[0].contains("…"))
    // Six columns are the gutter's.
    let fits = String(repeating: "x", count: 70) + "here"
    XCTAssertFalse(try excerpt(fits, of: "here")[0].contains("…"))
    XCTAssert(try excerpt("x" + fits, of: "here")[0].contains("…"))
  }

  func testBytesThatAreNotTextAreShown() throws {
    let bytes = Array("a ".utf8) + [0xff, 0xc3] + Array(" here".utf8)
    let lines = Excerpt(5..<9, in: SourceText(name: "t", bytes: bytes), number: 7).lines(.plain, .error)
    XCTAssertEqual(lines, ["  7 | a \u{fffd}\u{fffd} here", "    |      ^^^^"])
  }

  func testTextThatReversesTheLineIsNotSent() {
    XCTAssertEqual(printable("a\u{202e}b\u{2066}"), "a\\u202eb\\u2066")
  }

  func testLinesAreWrappedAndCommandsStayWhole() {
    XCTAssertEqual(wrapped("  fix: one two three", width: 14, indent: 7), ["  fix: one two", "       three"])
    XCTAssertEqual(wrapped("say `a b c` now", width: 9, indent: 0), ["say", "`a b c`", "now"])
    XCTAssertEqual(wrapped("`aaaa bbbb cccc` d", width: 10, indent: 0), ["`aaaa bbbb", "cccc` d"])
    XCTAssertEqual(wrapped("日本 日本", width: 6, indent: 0), ["日本", "日本"])
    XCTAssertEqual(wrapped("\u{1b}[1maaa\u{1b}[0m bb", width: 6, indent: 0), ["\u{1b}[1maaa\u{1b}[0m bb"])
    XCTAssertEqual(wrapped("a b", width: nil), ["a b"])
  }

  func testMessagesFitTheTerminal() {
    let forty = Style(isColoured: false, width: 40)
    XCTAssertEqual(
      ReportText.messages("vfiogate: the host uses 0000:01:00.0: it has the default route\n", forty),
      "vfiogate: the host uses 0000:01:00.0: it\n          has the default route\n")
    XCTAssertEqual(
      ReportText.messages("vfiogate:   fix: assign a different device to it\n", forty),
      "vfiogate:   fix: assign a different\n            device to it\n")
    let source = "  5 | " + String(repeating: "a ", count: 30)
    XCTAssertEqual(ReportText.messages(source, forty), source, "no message")
    XCTAssertEqual(ReportText.messages("Error: " + source, .plain), "Error: " + source, "no terminal")
  }

  private func text(_ rule: String, _ title: String, verbose: Bool = false) throws -> String {
    let one = try XCTUnwrap(try CaseFile(rule: rule).cases.first { $0.title == title }, title)
    var options = LintText.Options()
    options.isVerbose = verbose
    var text = LintText(style: .plain, options: options)
    return text.render(try one.run().result)
  }

  /// QEMU's message is part of the finding about it, and there is no second block.
  func testAFailureIsPrintedOnce() throws {
    let shown = try text("hp-fn0-order", "reports: function 0 last, and not multifunction")
    XCTAssertEqual(shown.split(separator: "is already populated").count, 2, shown)
    XCTAssertFalse(shown.contains("prediction:"), shown)
    XCTAssert(try text("hp-fn0-order", "reports: function 0 last, and not multifunction", verbose: true).contains("prediction:"))
  }

  /// Devices without an IOMMU group fail in the same way: the text says it once, with the places of the others.
  func testAFailureOfSeveralDevicesIsToldOnce() throws {
    let words = "qemu-system-x86_64 -M q35 -device vfio-pci,host=01:00.0,id=a,addr=5 -device vfio-pci,host=02:00.0,addr=6 "
      + "-device vfio-pci,host=03:00.0,id=c,addr=7"
    let argv = words.split(separator: " ").map(String.init)
    var host = Facts.Host(nothingKnown: UnknownReason.notInspected, source: "t")
    host.addresses = .known(Set(["0000:01:00.0", "0000:02:00.0", "0000:03:00.0"].compactMap { PCIAddress($0) }))
    for address in host.addresses.display ?? [] {
      var device = HostDevice(address, nothingKnown: UnknownReason.notInspected)
      device.group = .known(nil)
      device.driver = .known("vfio-pci")
      host.devices[address] = device
    }
    let result = CaseRun(argv: argv, on: host).result
    XCTAssertEqual(result.report.findings.map(\.rule), ["realize-fails", "realize-fails", "realize-fails"])
    var writer = LintText(style: .plain)
    let shown = writer.render(result)
    XCTAssertEqual(shown.split(separator: "error[realize-fails]").count, 2, shown)
    XCTAssert(shown.contains("\n  also: 0000:02:00.0 at argv:"), shown)
    XCTAssert(shown.contains(", `c` (0000:03:00.0) at argv:"), shown)
    // The finding is about the whole host when none of it has any.
    host.iommus = .known([:])
    XCTAssertEqual(CaseRun(argv: argv, on: host).result.report.findings.map(\.rule), ["host-not-ready"])
  }

  /// QEMU refuses the second of two functions of a group with another message.
  func testAFailureIsToldOnceWhereQEMUHasSeveralMessages() throws {
    let host = try XCTUnwrap(try CaseFile(rule: "realize-fails").cases.first { $0.title.contains("of their own") }).host()
    let words = "qemu-system-x86_64 -M q35 -nodefaults -device intel-iommu -device pcie-root-port,id=rp0,chassis=1 "
      + "-device vfio-pci,host=0000:0a:00.0,id=a,bus=rp0,multifunction=on -device vfio-pci,host=0000:0a:00.1,id=b,bus=rp0,addr=0.1"
    var writer = LintText(style: .plain)
    let shown = writer.render(CaseRun(argv: words.split(separator: " ").map(String.init), on: host).result)
    XCTAssertEqual(shown.components(separatedBy: "error[vtd-caching-mode]").count, 2, shown)
    XCTAssert(shown.contains("  qemu: vfio 0000:0a:00.0: Failed to set vIOMMU"), shown)
    XCTAssert(shown.contains("\n  also: `b` (0000:0a:00.1) at argv:"), shown)
  }

  /// A missing fact is printed once, however many rules and devices miss it, with the way to determine it.
  func testMissingFactsAreGroupedWithARemedy() throws {
    let words = "qemu-system-x86_64 -device vfio-pci,host=01:00.0,id=a -device vfio-pci,host=01:00.1,id=b"
    let host = Facts.Host(nothingKnown: UnknownReason.notInspected, source: "none")
    let target = CaseRun(argv: words.split(separator: " ").map(String.init), on: host)
    for verbose in [false, true] {
      var options = LintText.Options()
      options.isVerbose = verbose
      var writer = LintText(style: .plain, options: options)
      let shown = writer.render(target.result)
      let lines = shown.split(separator: "\n").filter { $0.contains("list of PCI functions") && !$0.contains("ats ") }
      XCTAssertEqual(lines.count, 1, shown)
      XCTAssert(shown.contains("`a` (0000:01:00.0), `b` (0000:01:00.1)"), shown)
      XCTAssertEqual(shown.split(separator: "decided by: `--host live`").count, 2, shown)
    }
  }

  /// Each reason that has a remedy, as the code that creates it writes it.
  func testRemediesFollowFromReasons() {
    for (reason, remedy) in [
      (UnknownReason.notInspected, Unknown.Remedy.host), (UnknownReason.notRecorded, .recording),
      (UnknownReason.notInLspci, .recording), (UnknownReason.neverRecorded, .liveHost),
      (UnknownReason.withoutMachine, .guest), (UnknownReason.qemuNotNamed, .qemu),
      ("/proc/1/fd: Permission denied", .root), ("/sys/x is a partial view: it has no `resource`", .wholeHost),
      ("only the shell knows it", .literal), ("it is not read", .literal), ("a monitor of QEMU reads commands from it", .literal),
      ("by its name it is not QEMU, and may add devices", .literal), ("not in the kernel configuration that was read", .recording),
      ("SMMUv3's IDR0.ATS and the firmware's attribute are not in sysfs", .bind),
      ("this is not the host's first PID namespace", .wholeHost), ("a newer QEMU may; `--qemu PATH` asks that one", .qemu),
      ("it is an address that libvirt chooses", .domain), ("written as the mediated device that Proxmox creates", .proxmox),
      ("written as the device of the mapping `gpu`: /etc/pve/mapping/pci.cfg was not read", .proxmox),
      ("of Proxmox's machines only those of x86 are modelled", .proxmox),
      ("the configuration file `a.cfg` was not read", .file), ("it was not read: No such file or directory", .file),
      ("Proxmox starts no machine that a task holds: `VM is locked (backup)`", .task),
      ("libvirt-qemu runs QEMU, and the host was inspected by root", .user),
    ] {
      XCTAssertEqual(Unknown("a", reason: reason).remedy, remedy)
    }
    XCTAssertNil(Unknown("a", reason: "UEFI chooses the size of the window").remedy)
    XCTAssertEqual(MissingFacts.advice([], isLive: false).count, 1, "an unknown fact always has an answer to what decides it")
    XCTAssertEqual(MissingFacts.advice([.root, .recording], isLive: false).count, 1)
    XCTAssertEqual(MissingFacts.advice([.root], isLive: true), ["running as root"])
  }

  /// A page is for people, also where the output is not a terminal.
  func testExplainFitsEightyColumns() {
    for rule in Rule.all {
      for style in [Style.plain, Style(isColoured: false, width: 80)] {
        for line in ExplainPage.page(rule, style).split(separator: "\n") {
          // A reference or an example without a blank is not cut.
          XCTAssert(line.columns <= 80 || !line.contains("{"), "\(rule.name): \(line)")
          if line.columns > 80 { XCTAssertLessThanOrEqual(line.drop { $0 == " " }.split(separator: " ").count, 1, "\(rule.name): \(line)") }
        }
      }
    }
    for line in ExplainPage.list(Rule.all, Style(isColoured: false, width: 80)).split(separator: "\n") {
      XCTAssertLessThanOrEqual(line.columns, 80, String(line))
    }
    XCTAssertEqual(ExplainPage.list(Rule.all, .plain).split(separator: "\n").count, Rule.all.count, "a line for each, for programs")
  }
}
