import Facts
import Inputs
import Syntax
import XCTest

/// The single argument of `device_add` in the human monitor.
final class HMPArgumentTests: XCTestCase {
  private func problems(_ line: String) -> [String] {
    ParsedInput.parse(SourceText(name: "hmp", bytes: Array(line.utf8)), as: .hmp).problems.map(\.message)
  }

  /// QEMU 11.1.3 answers `device_add: extraneous characters at the end of line`.
  func testTextBehindTheArgumentIsRefused() {
    let message = "text follows the argument of `device_add`: QEMU answers `extraneous characters at the end of line`"
    XCTAssertEqual(problems("device_add vfio-pci,host=01:00.0,id=a b"), [message])
    XCTAssertEqual(problems("device_add \"vfio-pci,host=01:00.0\" x"), [message])
    XCTAssertEqual(problems("device_add \"vfio-pci,host=01:00.0,id=a b\"  "), [])
    XCTAssertEqual(problems("device_add vfio-pci,host=01:00.0"), [])
    XCTAssertEqual(problems("object_add iommufd,id=a b"), [])
  }

  func testATypeThatAnotherProgramFillsInIsUnknown() {
    for (text, format) in [
      ("device_add $GPU\n", InputFormat.hmp), ("device_add {{gpu}},id=a\n", .hmp), ("object_add $TYPE,id=a\n", .hmp),
      (#"{"execute":"device_add","arguments":{"driver":"$GPU","id":"a"}}"#, .qmp),
      (#"{"execute":"device_add","arguments":{"driver":"{{gpu}}","id":"a"}}"#, .qmp)
    ] {
      let parsed = ParsedInput.parse(SourceText(name: "text", bytes: Array(text.utf8)), as: format)
      XCTAssertFalse(parsed.machine.unreadParts.isEmpty, text)
      XCTAssertEqual(parsed.plugs.count, 0, text)
    }
  }

  /// QEMU monitor/hmp.c: get_str.
  func testEscapesInQuotes() {
    func serial(_ text: String) -> String? {
      let line = "device_add \"virtio-blk-pci,serial=\(text)\""
      return ParsedInput.parse(SourceText(name: "hmp", bytes: Array(line.utf8)), as: .hmp).plugs.first?.string("serial")
    }
    for (text, read) in [(#"a\nb"#, "a\nb"), (#"a\rb"#, "a\rb"), (#"a\\b"#, #"a\b"#), (#"a\'b"#, "a'b"), (#"a\"b"#, "a\"b")] {
      XCTAssertEqual(serial(text), read, text)
    }
    for text in [#"a\tb"#, #"a\0"#, #"a\x41"#] { XCTAssertNil(serial(text), text) }
  }
}

/// Text that QEMU stops at, or after which it starts no guest. Observed on 11.1.3.
final class RefusedTextTests: XCTestCase {
  private func problems(_ text: String, as format: InputFormat) -> [String] {
    ParsedInput.parse(SourceText(name: "text", bytes: Array(text.utf8)), as: format).problems.map(\.message)
  }

  func testMembersThatAQMPCommandDoesNotHave() {
    let plug = #""execute":"device_add","arguments":{"driver":"vfio-pci","host":"03:00.0"}"#
    for (message, text) in [
      ("{\(plug),\"control\":{}}", "QMP input member 'control' is unexpected"),
      ("{\(plug),\"exec-oob\":\"x\"}", "QMP input member 'exec-oob' is unexpected"),
      (#"{"execute":"device_del","arguments":{"id":5}}"#, "Invalid parameter type for 'id', expected: string"),
      (#"{"execute":"object-del"}"#, "Parameter 'id' is missing"),
      (#"{"execute":"object-del","arguments":{"id":"a","b":1}}"#, "Parameter 'b' is unexpected"),
      (#"{"execute":"human-monitor-command","arguments":{"command-line":"x","foo":1}}"#, "Parameter 'foo' is unexpected"),
    ] {
      XCTAssertEqual(problems(message, as: .qmp), ["QEMU answers `\(text)`"], message)
    }
    let parsed = ParsedInput.parse(SourceText(name: "text", bytes: Array("{\(plug),\"foo\":1}".utf8)), as: .qmp)
    XCTAssertEqual(parsed.plugs.count, 0)
    XCTAssertEqual(problems("{\(plug),\"id\":{}}", as: .qmp), [])
    XCTAssertEqual(
      problems(#"{"execute":"human-monitor-command","arguments":{"command-line":"info pci","cpu-index":0}}"#, as: .qmp), [])
  }

  func testGlobalsWithoutAName() {
    XCTAssertEqual(
      problems("qemu-system-x86_64 -global .rombar=1", as: .shell),
      ["`-global .rombar=1` has no name before the dot: QEMU stops with `Invalid parameter '.rombar'`"])
    XCTAssertEqual(problems("qemu-system-x86_64 -global vfio-pci.=1", as: .shell).count, 1)
    XCTAssertEqual(problems("qemu-system-x86_64 -global vfio-pci.rombar=", as: .shell), [])
  }

  func testGlobalsOfAConfigurationFile() {
    let good = "[global]\ndriver = \"vfio-pci\"\nproperty = \"rombar\"\n"
    XCTAssertEqual(problems(good + "value = \"1\"\n", as: .readconfig), [])
    XCTAssertEqual(problems(good, as: .readconfig), ["`[global]` has no `value`: QEMU crashes"])
    XCTAssertEqual(
      problems(good + "value = \"1\"\nfoo = \"1\"\n", as: .readconfig),
      ["`foo` is not a part of `[global]`: QEMU stops with `Invalid parameter 'foo'`"])
  }

  private func open(_ options: String) -> [UnreadPart] {
    ParsedInput.parse(SourceText(name: "text", bytes: Array("qemu-system-x86_64 -M q35 \(options)".utf8)), as: .shell).machine.unreadParts
  }

  func testAnEmptyArgumentIsADisk() {
    XCTAssertEqual(open("''").map(\.what), ["an empty argument"])
    XCTAssertEqual(open("disk.img"), [])
  }

  func testHelpStartsNoGuest() {
    for option in ["-version", "-h", "--help", "-audio-help"] {
      XCTAssertEqual(open(option).map(\.reason), ["QEMU prints it and starts none"], option)
    }
  }
}
