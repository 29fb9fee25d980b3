import QMP
import Support
import Syntax
import XCTest

@testable import Proxy

/// Commands that abort QEMU in some states of the guest.
final class RunStateTests: XCTestCase {
  private let crash = FilterProbe.Answer.refuse("crashes-qemu")

  private func state(_ status: String, _ on: String..., blocked: [String] = [], last: JSON = [:]) -> [JSON] {
    let capabilities = ["xbzrle", "multifd", "dirty-bitmaps", "background-snapshot"]
    return [
      ["status": .string(status), "running": .bool(status == "running")],
      .array(capabilities.map { ["capability": .string($0), "state": .bool(on.contains($0))] }),
      blocked.isEmpty ? [:] : ["blocked": true, "blocked-reasons": .array(blocked.map { .string($0) })],
      last,
    ]
  }

  private let resets = [#"{"execute":"system_reset"}"#, FilterProbe.human("system_reset")]
  private let migrations = [
    FilterProbe.command("migrate", #"{"uri":"unix:/m"}"#), FilterProbe.human("migrate -d unix:/m"),
    FilterProbe.command("migrate", #"{"uri":"fd:name"}"#),
  ]
  private let snapshots = [
    FilterProbe.command("snapshot-save", #"{"job-id":"j","tag":"t","vmstate":"q","devices":["q"]}"#), FilterProbe.human("savevm t"),
  ]
  private let writes = [
    FilterProbe.command("block_resize", #"{"node-name":"q","size":1048576}"#), FilterProbe.human("block_resize q 1M"),
    FilterProbe.human("qemu-io q \"write 0 512\""),
  ]

  private func check(
    _ texts: [String], _ state: [JSON], _ expected: FilterProbe.Answer, _ probe: FilterProbe = FilterProbe(), line: UInt = #line
  ) throws {
    for text in texts { XCTAssertEqual(try probe.settle(text, state), expected, text, line: line) }
  }

  func testAResetWaitsForADump() throws {
    let dumps = [
      FilterProbe.command("dump-guest-memory", #"{"paging":false,"protocol":"file:/d"}"#), FilterProbe.human("dump-guest-memory /d"),
    ]
    for status in ["running", "paused", "prelaunch", "shutdown", "postmigrate", "restore-vm"] {
      try check(resets + dumps, state(status), .pass)
    }
    try check(resets, state("save-vm"), crash)
    try check(dumps, state("running", blocked: ["The vvfat format does not support live migration"]), .pass)
    try check(dumps, state("running", blocked: ["x", "Live migration disabled: dump-guest-memory in progress"]), crash)
    try check(resets, [], crash)
    try check([FilterProbe.command("object-add", #"{"qom-type":"tdx-guest","id":"t"}"#)], [], crash)
  }

  func testTheLastQuestionIsThatOfTheCommand() {
    for command: WireText in RunStates.commands {
      let isAboutNodes = ["snapshot-save", "savevm", "qemu-io"].contains(command)
      XCTAssertEqual(RunStates.questions(about: command).last?.name, isAboutNodes ? "query-named-block-nodes" : "query-version")
    }
  }

  func testAGuestThatCouldNotBeLoadedIsNotMigrated() throws {
    for status in ["restore-vm", "save-vm"] { try check(migrations, state(status), crash) }
    for status in ["running", "paused", "prelaunch", "shutdown", "io-error", "postmigrate", "suspended"] {
      try check(migrations, state(status, "xbzrle"), .pass)
      let isAllowed = ["running", "paused", "shutdown", "suspended"].contains(status)
      try check(migrations, state(status, "background-snapshot"), isAllowed ? .pass : crash)
    }
  }

  func testCapabilitiesOfMigrationsAreOffForASnapshot() throws {
    try check(snapshots, state("running"), .pass)
    try check(snapshots, state("running", "xbzrle"), .pass)
    try check(snapshots, state("running", "multifd"), crash)
    // Without a bitmap there is nothing to migrate.
    try check(snapshots, state("running", "dirty-bitmaps", last: [["node-name": "q"], ["dirty-bitmaps": []]]), .pass)
    try check(snapshots, state("running", "dirty-bitmaps", last: [["dirty-bitmaps": [["name": "b"]]]]), crash)
  }

  func testInactiveImagesAreNotWritten() throws {
    let probe = FilterProbe()
    for status in ["running", "paused", "prelaunch"] { try check(writes, state(status), .pass, probe) }
    for status in ["postmigrate", "inmigrate", "finish-migrate"] { try check(writes, state(status), crash, probe) }
    // A reset changes the state, and not the images.
    try check(writes + migrations, state("prelaunch"), .pass, probe)
    try check(resets, state("postmigrate"), .pass, probe)
    try check(writes + migrations, state("prelaunch"), crash, probe)
    let new: JSON = ["qemu": ["major": 10, "minor": 0, "micro": 13]]
    try check(migrations, state("prelaunch", last: new), .pass, probe)
    try check(migrations, state("prelaunch", last: ["qemu": ["major": 9]]), crash, probe)
    try check(resets, state("paused"), .pass, probe)
    try check(writes + migrations, state("prelaunch"), .pass, probe)
  }

  func testANodeThatWasMadeInactiveIsNotWritten() throws {
    let line = [FilterProbe.human("qemu-io q \"write 0 512\"")]
    for status in ["running", "paused", "prelaunch"] {
      try check(line, state(status, last: [["node-name": "n", "active": true], ["node-name": "q", "active": false]]), crash)
      try check(line, state(status, last: [["node-name": "n", "active": true]]), .pass)
      // 7.2 does not report it.
      try check(line, state(status, last: [["node-name": "n"]]), .pass)
    }
  }

  /// Each question is one that a real QEMU answers.
  func testARealQEMUAnswersTheQuestions() throws {
    let folder = try TemporaryDirectory()
    let qemu = try RealQEMU.start(in: folder)
    defer { qemu.end() }
    let proxy = try ProxyHarness(qemu: try RealQEMU.connect(folder), gate: { QMPCommandFilter(.init(), log: ProxyLog()) })
    let client = try proxy.connect()
    try client.negotiate()
    for (text, answer) in [
      (#"{"execute":"system_reset","id":"r"}"#, #"{"return": {}, "id": "r"}"#),
      (#"{"execute":"blockdev-add","arguments":{"driver":"null-co","node-name":"n"},"id":"n"}"#, #"{"return": {}, "id": "n"}"#),
      (#"{"execute":"object-add","arguments":{"qom-type":"throttle-group","id":"g"},"id":"g"}"#, #"{"return": {}, "id": "g"}"#),
      (
        #"{"execute":"blockdev-add","arguments":{"driver":"throttle","node-name":"t","throttle-group":"g","file":"n"},"id":"t"}"#,
        #"{"return": {}, "id": "t"}"#
      ),
      (
        #"{"execute":"blockdev-reopen","id":"o","arguments":{"options":["#
          + #"{"driver":"throttle","node-name":"t","throttle-group":"g","file":"n"}]}}"#,
        #"{"return": {}, "id": "o"}"#
      ),
      (
        #"{"execute":"chardev-add","arguments":{"id":"a","backend":{"type":"qemu-vdagent","data":{}}},"id":"a"}"#,
        #"{"return": {}, "id": "a"}"#
      ),
      (#"{"execute":"chardev-remove","arguments":{"id":"a"},"id":"c"}"#, #"{"return": {}, "id": "c"}"#),
      (#"{"execute":"blockdev-snapshot","arguments":{"node":"none","overlay":"n"},"id":"s"}"#, nil),
      (#"{"execute":"human-monitor-command","arguments":{"command-line":"qemu-io n \"read 0 512\""},"id":"q"}"#, nil),
      (#"{"execute":"migrate","arguments":{"uri":"unix:\#(folder.path)/none"},"id":"m"}"#, nil),
      (#"{"execute":"dump-guest-memory","arguments":{"paging":false,"protocol":"file:/none/d"},"id":"d"}"#, nil),
    ] as [(String, String?)] {
      try client.send(text)
      let line = try client.text { !$0.contains(#""event""#) }
      if let answer { XCTAssert(line.contains(answer), line) }
      XCTAssertFalse(line.contains("vfiogate"), line)
    }
    proxy.stop()
  }
}
