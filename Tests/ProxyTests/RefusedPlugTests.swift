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

  func testMemoryThatWasShared() throws {
    let blocks: JSON = "              Block Name    PSize\r\n                  pc.ram    4 KiB\r\n         0000:00:02.0/m0    4 KiB\r\n"
    let old: JSON = "              Block Name    PSize\r\n0000:00:02.0//objects/memory-of-a-guest    4 KiB\r\n"
    let rows: [(String, JSON, FilterProbe.Answer)] = [
      ("m0", blocks, .refuse("crashes-qemu")), ("/objects/m0", blocks, .refuse("crashes-qemu")), ("0", blocks, .pass),
      ("pc.ram", blocks, .pass), ("memory-of-a-guest", old, .refuse("crashes-qemu")), ("m0", old, .pass),
    ]
    for (memory, answer, expected) in rows {
      let plug = FilterProbe.command("device_add", #"{"driver":"ivshmem-plain","id":"d","memdev":"\#(memory)"}"#)
      let human = FilterProbe.human("device_add ivshmem-plain,id=d,memdev=\(memory)")
      for text in [plug, human] {
        let settled = try FilterProbe { $0.onUnknown = .warn }.settle(text, [answer]) { _ in [] }
        XCTAssertEqual(settled, expected, "\(memory) \(text)")
      }
    }
  }
}
