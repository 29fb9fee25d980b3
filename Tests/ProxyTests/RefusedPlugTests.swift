import Facts
import Inputs
import QMP
import Rehearsal
import Support
import Syntax
import XCTest

@testable import Proxy

/// Remains of devices that QEMU has refused or released, and the trials of a QEMU with another name.
extension ScratchQEMUTests {
  func testARefusedPlugThatPreparesACrash() throws {
    let program = try RealQEMU.program()
    let rows = [("i82559c", "SIGSEGV"), ("dc390", "SIGABRT")]
    for (driver, signal) in rows {
      let text = try refusals(program, [], #""driver":"\#(driver)","id":"d","romfile":"no-such-file""#)[0]
      XCTAssertEqual(
        text,
        "vfiogate: refused: crashes-qemu: a scratch QEMU refused `d`, and crashed with \(signal) when it was plugged again or the guest "
          + #"was reset: `failed to find romfile "no-such-file"`"#)
    }
    XCTAssertEqual(try refusals(program, [], #""driver":"e1000","id":"d","romfile":"no-such-file""#), [nil])
    let outcome = ScratchTrial.Outcome.crashedLater(signal: "SIGABRT", text: "a b")
    XCTAssertEqual(ScratchTrial.Outcome(text: outcome.text), outcome, "through the pipe")
  }

  /// A script's child keeps the connection open.
  func testACrashBesideAProgramOfTheSameScript() throws {
    let program = try RealQEMU.program()
    let directory = try TemporaryDirectory()
    let script = directory.path + "/emulator"
    try writeFile(script, "#!/bin/sh\nsleep 60 &\nexec \(program) \"$@\"\n", mode: 0o755)
    let guest = "qemu-system-x86_64 -M q35 -nodefaults -device pcie-root-port,id=rp1,chassis=1"
    let machine = ParsedInput.parse(SourceText(name: "guest", bytes: Array(guest.utf8)), as: .shell).machine
    let plug = #"{"driver":"e1000e","bus":"rp1","realized":true}"#
    let plugs = ParsedInput.parse(SourceText(name: "plugs", bytes: Array(plug.utf8)), as: .qmp).plugs
    let outcome = try QEMURehearsal(program: script, qemu: script, patience: .seconds(3)).run(machine, plugs: plugs).value.outcome
    guard case .crashed("SIGSEGV", _, _) = outcome else { return XCTFail("\(outcome)") }
  }

  func testACommandLineUnderAnotherName() {
    func name(_ first: String, _ program: WireText) -> String {
      let source = SourceText(name: "cmdline", bytes: Array("\(first)\0-m\0".utf8))
      return String(decoding: PlugInquiry.named(source, program: program).bytes, as: UTF8.self)
    }
    let rows: [(String, WireText, String)] = [
      ("guest", "/usr/bin/qemu-system-x86_64", "qemu-system-x86_64"), ("", "/usr/bin/qemu-system-x86_64 (deleted)", "qemu-system-x86_64"),
      ("guest", "/usr/libexec/qemu-kvm", "qemu-kvm"), ("/opt/qemu-system-arm", "/usr/bin/qemu-system-x86_64", "/opt/qemu-system-arm"),
      // A script's interpreter, and a program of which nothing is known.
      ("kvm-guest", "/usr/bin/bash", "kvm-guest"), ("guest", "", "guest"), ("guest", "/opt/qemu-launcher", "guest"),
    ]
    for (first, program, expected) in rows { XCTAssertEqual(name(first, program), expected + "\0-m\0", "\(first) \(program)") }
  }
}

/// Unplugs of devices, without QEMU.
final class UnplugTests: XCTestCase {
  func testUnplugsThatCrashQEMU() throws {
    let refusal = FilterProbe.Answer.refuse("crashes-qemu")
    for type in ["rocker", "dc390", "i82801b11-bridge", "i82550", "i82559er", "i82801"] {
      for text in [FilterProbe.command("device_del", #"{"id":"d"}"#), FilterProbe.human("device_del d")] {
        XCTAssertEqual(try FilterProbe().settle(text, [.string(type)]), refusal, type)
      }
    }
    for type in ["e1000", "am53c974", "vfio-pci", "i6300esb", "pcie-root-port"] {
      XCTAssertEqual(try FilterProbe().settle(FilterProbe.command("device_del", #"{"id":"d"}"#), [.string(type)]), .pass, type)
    }
    XCTAssertEqual(try FilterProbe().settle(FilterProbe.command("device_del", #"{"id":"no-such-device"}"#)), .pass)
    for (id, path) in [("d", "/machine/peripheral/d"), ("/machine/unattached/device[3]", "/machine/unattached/device[3]")] {
      var asked: [JSON?] = []
      let text = FilterProbe.command("device_del", #"{"id":"\#(id)"}"#)
      _ = try FilterProbe().settle(text) {
        asked.append($0.arguments)
        return nil
      }
      XCTAssertEqual(asked, [["path": .string(path), "property": "type"]])
    }
  }

  /// Observed on 10.0.13 and 11.1.3, and not on 7.2.22: an assertion of resettable_container_child_foreach at `system_reset` and `loadvm`
  /// where ACPI unplugs, and none where the port itself does.
  func testAResetDuringAnUnplugThatItCompletes() throws {
    let new: JSON = ["qemu": ["major": 11, "minor": 1, "micro": 3]], old: JSON = ["qemu": ["major": 7, "minor": 2, "micro": 22]]
    let resets = [
      #"{"execute":"system_reset"}"#, FilterProbe.human("system_reset"), FilterProbe.human("loadvm t"),
      FilterProbe.command("snapshot-load", #"{"job-id":"j","tag":"t","vmstate":"q","devices":["q"]}"#),
    ]
    func check(_ probe: FilterProbe, _ version: JSON, _ expected: FilterProbe.Answer, _ what: String, line: UInt = #line) throws {
      let state: [JSON] = [["status": "running"], [], [:], version]
      for text in resets { XCTAssertEqual(try probe.settle(text, state), expected, "\(what): \(text)", line: line) }
    }
    func unplugged(_ type: String, _ handler: JSON?, fails: Bool = false, id: String = "d") throws -> FilterProbe {
      let probe = FilterProbe(), bus: JSON = "/machine/peripheral/rp0/rp0"
      let text = FilterProbe.command("device_del", #"{"id":"\#(id)"}"#)
      let answer = try probe.settle(text, [.string(type)], accepted: fails ? nil : [:], fails: fails) {
        $0.arguments?["property"] == "parent_bus" ? bus : handler
      }
      XCTAssertEqual(answer, .pass)
      return probe
    }
    let crash = FilterProbe.Answer.refuse("crashes-qemu"), acpi: JSON = "/machine/unattached/device[2]"
    for type in ["virtio-balloon-pci", "virtio-balloon-pci-non-transitional", "virtio-mem-pci", "pci-serial", "pci-serial-4x"] {
      let probe = try unplugged(type, acpi)
      try check(probe, new, crash, type)
      try check(probe, old, .pass, type)
      probe.filter.deviceGone("other")
      try check(probe, new, crash, type)
      // A program that continues the session knows it too.
      let next = FilterProbe()
      try next.filter.restore(probe.filter.books)
      try check(next, new, crash, type)
      probe.filter.deviceGone("d")
      try check(probe, new, .pass, type)
    }
    try check(try unplugged("virtio-balloon-pci", nil), new, crash, "not known")
    try check(try unplugged("virtio-balloon-pci", acpi, id: "/machine/peripheral/d"), new, crash, "a path")
    let anonymous = try unplugged("virtio-balloon-pci", acpi, id: "/machine/peripheral-anon/device[0]")
    anonymous.filter.deviceGone("d")
    try check(anonymous, new, crash, "without an id")
    anonymous.filter.deviceGone(nil)
    try check(anonymous, new, .pass, "without an id")
    // The human monitor answers an error with its text.
    let human = FilterProbe()
    let error: JSON = "Error: Bus 'b' does not support hotplugging\r\n"
    _ = try human.settle(FilterProbe.human("device_del d"), ["virtio-balloon-pci"], accepted: error) {
      $0.arguments?["property"] == "parent_bus" ? "/machine/peripheral/rp0/rp0" : acpi
    }
    try check(human, new, .pass, "refused by the human monitor")
    try check(try unplugged("virtio-balloon-pci", "/machine/peripheral/rp0"), new, .pass, "the port itself")
    try check(try unplugged("virtio-balloon-pci", acpi, fails: true), new, .pass, "refused")
    for type in ["virtio-blk-pci", "virtio-rng-pci", "vfio-pci"] { try check(try unplugged(type, acpi), new, .pass, type) }
  }

  func testMemoryThatWasShared() throws {
    let blocks: JSON = "              Block Name    PSize\r\n                  pc.ram    4 KiB\r\n         0000:00:02.0/m0    4 KiB\r\n"
    let old: JSON = "              Block Name    PSize\r\n0000:00:02.0//objects/memory-of-a-guest    4 KiB\r\n"
    let crash = FilterProbe.Answer.refuse("crashes-qemu")
    let rows: [(String, JSON, FilterProbe.Answer)] = [
      ("m0", blocks, crash), ("/objects/m0", blocks, crash), ("0", blocks, .pass),
      ("pc.ram", blocks, .pass), ("memory-of-a-guest", old, crash), ("m0", old, .pass), ("odd", old, crash), ("/objects/odd", old, crash),
    ]
    // Observed on 7.2.22, 10.0.13 and 11.1.3: an assertion of pci_register_bar where the size is not a power of two.
    let sizes: JSON = [["id": "m0", "size": 1_048_576], ["size": 3], ["id": "odd", "size": 3_145_728]]
    for (memory, answer, expected) in rows {
      let plug = FilterProbe.command("device_add", #"{"driver":"ivshmem-plain","id":"d","memdev":"\#(memory)"}"#)
      let human = FilterProbe.human("device_add ivshmem-plain,id=d,memdev=\(memory)")
      for text in [plug, human] {
        let settled = try FilterProbe { $0.onUnknown = .warn }.settle(text, [answer, sizes]) { _ in [] }
        XCTAssertEqual(settled, expected, "\(memory) \(text)")
      }
    }
  }
}
