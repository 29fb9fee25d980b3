import Facts
import Support
import Syntax
import XCTest

@testable import Inputs

/// Words of a command that may stand for others, and texts of a script that nothing is done with.
final class UnusedTextTests: XCTestCase {
  private func parse(_ text: String) -> ParsedInput { ParsedInput.parse(SourceText(name: "t", bytes: Array(text.utf8))) }

  private func unread(_ text: String) -> [String] {
    let parsed = parse(text)
    XCTAssertEqual(parsed.problems.map(\.message), [], text)
    XCTAssertNil(parsed.unrecognised, text)
    return parsed.machine.unreadParts.map(\.what)
  }

  private let qemu = "qemu-system-x86_64 -M q35 -m 4G"

  /// QEMU stops at them with `Could not open`, unless there is a file of that name.
  func testAWordThatIsNotLikeAFileIsOpen() {
    for word in ["G", "MB", "OPTIONS", "YOUR_OPTIONS", "etc.", "%s", "{GPU}", "++gpu", "***", "vm-$1", "{*}$gpu", "^$gpu"] {
      XCTAssertEqual(unread("\(qemu) \(word)\n"), ["the argument `\(word)`"], word)
    }
    XCTAssertEqual(unread("-m\n4\nG\n"), ["the argument `G`"])
    XCTAssertEqual(unread("-nodefaults\n-device\n$GPU\n"), ["value of `$GPU`"])
    for word in ["disk.img", "/dev/sda", "./disk", "nbd:localhost:10809", "vm$1.img", "a.$EXT"] {
      XCTAssertEqual(unread("\(qemu) \(word)\n"), [], word)
    }
    XCTAssertEqual(unread("\(qemu) -hda disk\n"), [])
  }

  func testARemarkInAngleBracketsIsOpen() {
    for word in ["<snip>", "<gpu options>", "<args>"] {
      XCTAssertEqual(unread("\(qemu) \(word)\n").count, 1, word)
      XCTAssertEqual(unread("\(qemu) \(word) -S\n").count, 1, word)
    }
    for end in ["<in >out", "< in", "2>&1 >log", ">log <in", "<in >"] { XCTAssertEqual(unread("\(qemu) \(end)\n"), [], end) }
  }

  func testAProgramIsQEMUByItsNameOnly() {
    for name in ["qemu-system-x86_64", "/usr/libexec/qemu-kvm", "kvm", "qemu", "/opt/bin/qemu-system-x86_64-9.1", "qemu-system-arm"] {
      XCTAssertTrue(InputFormat.isNamedLikeEmulator(name.fileName ?? ""), name)
      XCTAssertEqual(unread("QEMU=\(name)\n$QEMU -M q35 -m 4G\n"), [], name)
    }
    for name in [
      "./qemu-run", "/usr/local/bin/qemu-wrap", "qemu-gpu", "qemu-system-x86_64.sh", "qemu-system-x86_64-wrapper",
      "qemu-system-gaming", "qemu-system-x86_64.bash", "qemu-system-x86_64.zsh"
    ] {
      XCTAssertEqual(unread("QEMU=\(name)\n$QEMU -M q35 -m 4G\n"), ["the emulator `\(name)`"], name)
      let domain = "<domain type='kvm'><name>a</name><devices><emulator>\(name)</emulator></devices></domain>"
      XCTAssertEqual(unread(domain), ["the emulator `\(name)`"], name)
    }
  }

  func testCommentsOfManyLinesHideNothing() {
    let device = "-device vfio-pci,host=01:00.0"
    for text in [
      ": <<'X'\n\(qemu) \(device)\nX", ": <<X\n\(device)\nX", ": '\n\(device)\n'", "  : <<\\X\n$A \(device)\nX",
      "usage() {\ncat <<X\nusage: $0\n\(qemu) \(device)\nX\n}"
    ] {
      XCTAssertEqual(unread("#!/bin/bash\n\(text)\n\(qemu)\n"), [], text)
      XCTAssertNotNil(parse("#!/bin/bash\n\(text)\n").unrecognised, text)
    }
    for text in [
      ": <<X\n$(echo \(device))\nX", ": \"${GPU:=\(device)}\"", "cat <<'X'\n\(device)\nX", "x: <<'X'\n\(device)\nX",
      ":() { sh; }\n: <<'X'\n\(device)\nX", "function : { sh; }\n: <<'X'\n\(device)\nX", "sh <<'X'\n: <<Y\n\(device)\nX"
    ] {
      XCTAssertEqual(unread("#!/bin/bash\n\(text)\n\(qemu)\n").count, 1, text)
    }
  }

  /// Only `<<-` removes tabs before the end (POSIX.1-2024, 2.7.4 Here-Document).
  func testATabBeforeTheEndOfADocument() {
    XCTAssertEqual(parse("#!/bin/bash\n: <<'X'\n\tX\n\(qemu) -device vfio-pci,host=01:00.0\nX\n\(qemu)\n").machine.devices.count, 0)
    XCTAssertEqual(parse("#!/bin/bash\n: <<-'X'\n\tX\n\(qemu) -device vfio-pci,host=01:00.0\n").machine.devices.count, 1)
  }

  func testAScriptForNixNamesItsShellInTheSecondLine() {
    for lines in [
      "#!/usr/bin/env nix-shell\n#!nix-shell -i bash -p qemu", "#! /usr/bin/env nix\n#! nix shell nixpkgs#qemu --command bash"
    ] {
      XCTAssertEqual(parse("\(lines)\n\(qemu) -device vfio-pci,host=01:00.0\n").machine.devices.count, 1)
    }
    XCTAssertNil(ShellScript.shell(Array("#!/usr/bin/env nix-shell\n#!nix-shell -i python3 -p qemu\n".utf8)))
    XCTAssertNil(ShellScript.shell(Array("#!/usr/bin/env nix-shell\nx -i bash\n".utf8)))
  }

  /// libvirt does not follow XInclude: another program has to.
  func testAnElementThatIsReplacedByAFileIsOpen() {
    let include = "<xi:include href='gpu.xml' xmlns:xi='http://www.w3.org/2001/XInclude'/>"
    for text in ["<devices>\(include)</devices>", "\(include)<devices/>"] {
      XCTAssertEqual(unread("<domain type='kvm'><name>a</name>\(text)</domain>").count, 1, text)
    }
  }

  func testLongLinesAreReadInLinearTime() {
    let hashes = String(repeating: "a # b ' ", count: 20000)
    let texts = [
      "\(qemu) -append \"\(hashes)\" -S\n", "\(qemu) \(String(repeating: "{", count: 4000))\n",
      "\(qemu) \(String(repeating: "<% ", count: 4000))\n", "\(qemu) \(String(repeating: "{{ ", count: 4000))\n"
    ]
    let time = ProcessorTime()
    for text in texts { _ = parse(text + "# -device vfio-pci,host=1\n") }
    // Each took minutes when every mark of a line was compared with all of the line.
    XCTAssertLessThan(time.seconds, 60)
  }
}
