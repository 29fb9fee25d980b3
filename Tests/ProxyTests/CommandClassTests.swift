import Common
import Facts
import Glibc
import QMP
import Support
import Syntax
import XCTest

@testable import Proxy

/// The classes of all commands, against Fixtures/qmp/commands.tsv and real QEMUs, and what the profiles do with them.
final class CommandClassTests: XCTestCase {
  private struct Row {
    let name: String
    let power: String
    let kind: String
  }

  private func rows() throws -> [Row] {
    try Fixture.text("qmp/commands.tsv").split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
      let fields = line.split(separator: "\t").map(String.init)
      return Row(name: fields[0], power: fields[1], kind: fields[2])
    }
  }

  func testEachCommandHasTheClassOfTheFixture() throws {
    let rows = try rows()
    XCTAssertGreaterThan(rows.count, 240)
    for row in rows { XCTAssertEqual(CommandClass.named(WireText(row.name))?.rawValue, row.kind, row.name) }
    XCTAssertNil(CommandClass.named("frobnicate"))
    // One name in two spellings of a letter.
    XCTAssertNil(CommandClass.named("quit\u{301}"))
  }

  /// A command that has power beyond the guest passes for no client that is not trusted.
  func testPowersAgreeWithClasses() throws {
    for row in try rows() {
      let letters = Set(row.power.split(separator: " ").map(String.init))
      if !letters.isDisjoint(with: ["M", "X", "W", "R", "m", "w", "S", "C"]), row.name != "device_add" {
        XCTAssertEqual(row.kind, "host", row.name)
      }
      if row.power.contains("K") || row.power.contains("guest") { XCTAssertNotEqual(row.kind, "open", row.name) }
      if row.kind == "open" { XCTAssertEqual(row.power.first, "-", row.name) }
    }
  }

  func testOfClientsThatAreNotTrustedOnlyOpenCommandsPass() throws {
    for row in try rows() {
      let text = #"{"execute":"\#(row.name)"}"#
      let plain = try FilterProbe { $0.profile = .untrusted }.answer(text)
      let allowed = try FilterProbe {
        $0.profile = .untrusted
        $0.allowed = [row.name]
      }.answer(text)
      switch row.kind {
      case "open": XCTAssertEqual(plain, .pass, row.name)
      case "guest":
        XCTAssertEqual(plain, .refuse("outside-profile"), row.name)
        // QEMU is asked whether a dump or a migration runs.
        XCTAssertEqual(allowed, ["system_reset", "cont"].contains(row.name) ? .inquire : .pass, row.name)
        XCTAssertNil(QMPCommandFilter.refusalToAllow(row.name, in: .untrusted), row.name)
      case "host":
        XCTAssertEqual(plain, .refuse("outside-profile"), row.name)
        XCTAssertNotNil(QMPCommandFilter.refusalToAllow(row.name, in: .untrusted), row.name)
      default: XCTAssert(["device_add", "device_del", "getfd", "closefd"].contains(row.name), row.name)
      }
    }
  }

  func testWhatUntrustedClientsMayDoWithArguments() throws {
    func check(_ rows: [(String, FilterProbe.Answer)], _ change: (QMPCommandFilter) -> Void = { _ in }) throws {
      for (text, expected) in rows {
        let probe = FilterProbe { $0.profile = .untrusted }
        probe.filter.isVFIODevice = { _ in true }
        change(probe.filter)
        XCTAssertEqual(try probe.answer(text, descriptors: 1), expected, text)
      }
    }
    let outside = FilterProbe.Answer.refuse("outside-profile")
    func plug(_ more: String) -> String {
      FilterProbe.command("device_add", #"{"driver":"vfio-pci","id":"v"\#(more)}"#)
    }
    try check([
      (plug(#","host":"0000:01:00.0","bus":"rp1""#), .inquire), (plug(#","host":"0000:01:00.0","romfile":"/x""#), outside),
      (plug(#","sysfsdev":"/tmp/x""#), outside), (plug(#","fd":"5""#), outside), (plug(#","fd":5"#), outside),
      (plug(#","host":"0000:01:00.0","sriov-pf":"""#), outside), (plug(#","realized":true"#), outside),
      (FilterProbe.command("device_add", #"{"driver":"e1000e","id":"e"}"#), outside),
      (FilterProbe.command("device_add", #"{"driver":"vfio-user-pci","id":"e"}"#), outside),
      (FilterProbe.command("device_add", #"{"driver":"vfio-pci-nohotplug","id":"e"}"#), outside),
      (FilterProbe.command("device_del", #"{"id":"disk0"}"#), outside),
      (FilterProbe.command("closefd", #"{"fdname":"n"}"#), outside), (FilterProbe.command("getfd", #"{"fdname":"n"}"#), .inquire),
      (FilterProbe.human("info version"), outside), (FilterProbe.human("quit"), outside),
      (#"{"exec-oob":"yank"}"#, outside), (#"{"execute":"frobnicate"}"#, .refuse("unknown-command")),
      (FilterProbe.command("qom-get", #"{"path":"/objects/s","property":"data"}"#), outside),
      (FilterProbe.command("query-cpu-model-expansion", #"{"type":"full","model":{"name":"max"}}"#), .pass),
      (FilterProbe.command("query-cpu-model-expansion", #"{"type":"full","model":{"name":"max","props":{"apic-id":1}}}"#), outside),
      (FilterProbe.command("query-cpu-model-baseline", #"{"modela":{"name":"a"},"modelb":{"name":"b","props":{"avx":true}}}"#), outside),
      (FilterProbe.command("query-cpu-model-expansion", #"{"type":"full","model":{"name":"max","props":{}}}"#), .pass),
    ])
    let address = try XCTUnwrap(PCIAddress(domain: 0, bus: 1, slot: 0, function: 0))
    try check([
      (plug(#","fd":"own""#), .inquire), (plug(#","fd":"other""#), outside),
      (FilterProbe.command("device_del", #"{"id":"mine"}"#), .inquire), (FilterProbe.command("closefd", #"{"fdname":"own"}"#), .inquire),
      (FilterProbe.command("closefd", #"{"fdname":"other"}"#), .refuse("fd-of-another-client")),
    ]) {
      $0.owners = ["own": 1, "other": 2]
      $0.plugged = ["mine": address]
    }
  }

  func testUnknownCommandsOfClientsThatMeanWellPassWithALine() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/log"
    let log = try ProxyLog.open(path, format: .text)
    let filter = QMPCommandFilter(.init(), log: log)
    for name in ["frobnicate", "query-status"] {
      let message = ClientMessage(bytes: [], json: ["execute": .string(name)])
      guard case .pass = filter.inspect(message, from: ProxyPeer(number: 1, process: nil, user: nil)) else {
        return XCTFail("\(name) is refused")
      }
    }
    log.flush()
    let text = String(decoding: try readFile(path), as: UTF8.self)
    XCTAssert(text.contains("frobnicate") && text.contains("does not know the command"), text)
    XCTAssertFalse(text.contains("query-status"), text)
  }

  func testWhatMayBeAllowed() {
    XCTAssertNil(QMPCommandFilter.refusalToAllow("device_del", in: .untrusted))
    for name in ["device_add", "query-status", "migrate", "human-monitor-command", "frobnicate"] {
      XCTAssertNotNil(QMPCommandFilter.refusalToAllow(name, in: .untrusted), name)
    }
    XCTAssertNil(QMPCommandFilter.refusalToAllow("frobnicate", in: .guestSafety))
    for name in ["quit", "q", "gdbserver"] { XCTAssertNotNil(QMPCommandFilter.refusalToAllow(name, in: .guestSafety), name) }
  }

  /// Runs with each QEMU that is there.
  private func withQEMUs(_ body: (RawClient, String) throws -> Void) throws {
    let directory = try TemporaryDirectory()
    var programs: [(String, [String])] = []
    if let program = try? RealQEMU.program() { programs.append((program, [])) }
    if let (program, arguments) = try? RealQEMU.lab() { programs.append((program, arguments)) }
    for (program, arguments) in programs {
      let qemu = try RealQEMU.start(in: directory, program: program, more: arguments)
      defer { qemu.end() }
      let client = RawClient(adopting: try RealQEMU.connect(directory))
      try client.negotiate()
      try body(client, program)
    }
    if programs.count < 2 { throw XCTSkip("SKIPPED: of QEMU 7.2 and 11.1 only \(programs.count) are there, so not both were asked") }
  }

  func testEachCommandOfARecordedQEMUHasAClass() throws {
    let known = Set(try rows().map(\.name))
    for version in ["7.2.22", "10.0.13", "11.1.3"] {
      let reply = try JSON.parse(try Fixture.bytes("qmp/replies/query-commands.\(version).json"))
      let names = (reply["return"]?.array ?? []).compactMap { $0["name"]?.string }
      XCTAssertGreaterThan(names.count, 200, version)
      for name in names where !known.contains(name) { XCTFail("\(name) of \(version) has no class") }
    }
  }

  func testEachCommandOfARealQEMUHasAClass() throws {
    let known = Set(try rows().map(\.name))
    try withQEMUs { client, program in
      try client.send(#"{"execute":"query-commands"}"#)
      let names = (try JSON.parse(client.line() ?? "")["return"]?.array ?? []).compactMap { $0["name"]?.string }
      XCTAssertGreaterThan(names.count, 200, program)
      for name in names where !known.contains(name) { XCTFail("\(name) of \(program) has no class") }
    }
  }

  func testEachHumanCommandOfARealQEMUIsKnown() throws {
    try withQEMUs { client, program in
      try client.send(FilterProbe.human("help"))
      let help = try JSON.parse(client.line() ?? "")["return"]?.string ?? ""
      let names = HumanHelp.names(help)
      XCTAssertGreaterThan(names.count, 95, program)
      for name in names { XCTAssertNotNil(HumanCommands.types(WireText(name)), "\(name) of \(program)") }
    }
  }
}

/// The output of `help`.
enum HumanHelp {
  /// The names of commands: at the beginning of a line that has a description. Lines of a description begin with a blank,
  /// those of a long syntax with a bracket.
  static func names(_ text: String) -> [String] {
    text.split(whereSeparator: \.isNewline).flatMap { line -> [String] in
      guard let first = line.utf8.first, (0x61...0x7a).contains(first), let word = line.split(separator: " ").first else { return [] }
      return word.split(separator: "|").map(String.init)
    }
  }
}
