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
      XCTAssertEqual(RunStates.questions(about: command)[3].name, isAboutNodes ? "query-named-block-nodes" : "query-version")
    }
  }

  func testAGuestThatCouldNotBeLoadedIsNotMigrated() throws {
    for status in ["restore-vm", "save-vm"] { try check(migrations, state(status), crash) }
    for status in ["running", "paused", "prelaunch", "shutdown", "io-error", "postmigrate", "suspended"] {
      try check(migrations, state(status, "xbzrle") + blocks(), .pass)
      let isAllowed = ["running", "paused", "shutdown", "suspended"].contains(status)
      try check(migrations, state(status, "background-snapshot") + blocks(), isAllowed ? .pass : crash)
    }
  }

  /// QEMU's answers about KVM and its blocks of memory: text that 10.0.13 and 11.1.3 printed, without addresses of the process.
  private func blocks(_ lines: String..., kvm: Bool = false) -> [JSON] {
    let all = ["              Block Name    PSize              Offset               Used              Total                HVA  RO"] + lines
    return [["enabled": .bool(kvm), "present": true], .string(all.map { $0 + "\r\n" }.joined())]
  }

  /// Observed on 10.0.13 and 11.1.3 with a guest that writes its memory: an assertion of tlb_reset_dirty_range_all.
  func testALargerBlockOfMemoryIsNotMigratedWhileTheGuestRuns() throws {
    let ram = "                  pc.ram    4 KiB  0x0000000001000000 0x0000000008000000 0x0000000008000000 0x00007f6f53e00000  rw"
    let first = "                  pc.ram    4 KiB  0x0000000000000000 0x0000000008000000 0x0000000008000000 0x00007f6f53e00000  rw"
    let small = "                            4 KiB  0x0000000000000000 0x0000000001000000 0x0000000001000000 0x00007f6fa800d000  rw"
    let alike = "                            2 MiB  0x0000000000000000 0x0000000008000000 0x0000000008000000 0x00007f6fa800d000  rw"
    let unused = "                            4 KiB  0x0000000008000000 0x0000000040000000 0x0000000040000000 0x00007f6fa800d000  rw"
    let plugged = "        /objects/mem m1    4 KiB  0x0000000008000000 0x0000000020000000 0x0000000020000000 0x00007f6fa800d000  rw"
    let tables = "    /rom@etc/acpi/tables    4 KiB  0x0000000009880000 0x0000000000020000 0x0000000000200000 0x00007f6f61e00000  ro"
    let new: JSON = ["qemu": ["major": 10, "minor": 0, "micro": 13]], old: JSON = ["qemu": ["major": 7, "minor": 2, "micro": 22]]
    for status in ["running", "suspended"] {
      let guest = state(status, last: new)
      try check(migrations, guest + blocks(ram, small, tables), crash)
      try check(migrations, guest + blocks(first, plugged), crash)
      // Nothing is at address 0, as after the removal of the object.
      try check(migrations, guest + blocks(ram), crash)
      // Other lines, or parts of one.
      for lines in [blocks(first, "0x0 0x0 0x0", "pc.ram 4 KiB 0x8000000", "a b 0x0 0x9000000 0xg"), blocks("a 0x0 0x0 0x0", first)] {
        try check(migrations, guest + lines, .pass)
      }
      for lines in [blocks(first, tables), blocks(ram, alike), blocks(first, unused), blocks(ram, small, kvm: true)] {
        try check(migrations, guest + lines, .pass)
      }
      try check(migrations, state(status, last: old) + blocks(ram, small), .pass)
      try check(migrations, state(status, last: ["qemu": ["major": 8]]) + blocks(ram, small), crash)
    }
    for status in ["paused", "prelaunch", "shutdown", "io-error"] {
      try check(migrations, state(status, last: new) + blocks(ram, small), .pass)
    }
    try check(migrations, state("running", "background-snapshot", last: new) + blocks(ram, small), .pass)
    // The guest may be started before the migration of a stopped one has ended.
    let starts = [#"{"execute":"cont"}"#, FilterProbe.human("cont"), FilterProbe.human("c")]
    for status in ["setup", "active", "device", "pre-switchover", "wait-unplug", "cancelling"] {
      var guest = state("paused", last: new)
      guest[2] = ["status": .string(status)]
      try check(starts, guest + blocks(ram, small), crash)
      try check(starts, guest + blocks(first), .pass)
      guest[1] = state("paused", "background-snapshot")[1]
      try check(starts, guest + blocks(ram, small), .pass)
    }
    for status: JSON in [[:], ["status": "completed"], ["status": "failed"], ["status": "none"]] {
      var guest = state("paused", last: new)
      guest[2] = status
      try check(starts, guest + blocks(ram, small), .pass)
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
    try check(writes, state("prelaunch"), .pass, probe)
    try check(migrations, state("prelaunch") + blocks(), .pass, probe)
    try check(resets, state("postmigrate"), .pass, probe)
    try check(writes, state("prelaunch"), crash, probe)
    try check(migrations, state("prelaunch") + blocks(), crash, probe)
    let new: JSON = ["qemu": ["major": 10, "minor": 0, "micro": 13]]
    try check(migrations, state("prelaunch", last: new) + blocks(), .pass, probe)
    try check(migrations, state("prelaunch", last: ["qemu": ["major": 9]]) + blocks(), crash, probe)
    try check(resets, state("paused"), .pass, probe)
    try check(writes, state("prelaunch"), .pass, probe)
    try check(migrations, state("prelaunch") + blocks(), .pass, probe)
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
