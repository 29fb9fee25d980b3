import Facts
import Inputs
import Support
import Syntax
import XCTest

@testable import Rehearsal

/// Scripts around QEMU, which may print texts and end in ways of their own.
final class WrapperTests: XCTestCase {
  private func result(_ script: String, of name: String = "qemu-wrapper", _ options: String = "") throws -> Known<RehearsalResult> {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/" + name
    try writeFile(path, "#!/bin/sh\n\(script)\n", mode: 0o755)
    let source = SourceText(name: "text", bytes: Array("qemu-system-x86_64 -M q35 -nodefaults -device edu \(options)".utf8))
    return QEMURehearsal(program: path, qemu: path, patience: .seconds(60)).run(try ParsedInput.parse(source, as: .shell).machine)
  }

  func testAMessageOfAnotherProgramIsNotQEMUs() throws {
    for script in [
      "exec ./build/qemu-system-x86_64 \"$@\"", "echo 'sudo: a password is required' >&2; exit 1",
      "echo 'ModuleNotFoundError: No module named x' >&2; exit 1", "echo \"$0: line 3: qemu: not found\" >&2; exit 127",
    ] {
      guard case .unknown(let unknown) = try result(script) else { XCTFail(script); continue }
      XCTAssert(unknown.reason.hasPrefix("QEMU stopped without a message of its own: "), unknown.reason)
    }
  }

  func testAMessageOfQEMUIsItsOwn() throws {
    for (name, script) in [
      ("wrapper", "echo 'qemu-system-x86_64: refused' >&2"), ("wrapper", "echo '.qemu-kvm-wrapped: refused' >&2"),
      ("emulator", "echo 'emulator: refused' >&2"),
    ] {
      guard case .refused(let text, _, _) = try result(script + "; exit 1", of: name).value.outcome else { XCTFail(script); continue }
      XCTAssertEqual(text, "refused")
    }
  }

  func testARefusalOfWhatTheRehearsalMadeIsNotTheDefinitions() throws {
    func outcome(_ option: String) throws -> RehearsalResult.Outcome {
      try result("echo 'qemu-system-x86_64: \(option): no' >&2; exit 1", "-chardev socket,id=c,path=/run/c").value.outcome
    }
    guard case .notRehearsed(let reason) = try outcome("-chardev backend=null,id=c") else { return XCTFail("rehearsed") }
    XCTAssertEqual(reason, "what replaced `-chardev[0]` was refused: no")
    guard case .refused("no", _, _) = try outcome("-device driver=edu") else { return XCTFail("not refused") }
  }

  func testACrashBehindAShellIsACrash() throws {
    guard case .crashed(let signal, _, _) = try result("sh -c 'kill -SEGV $$'; exit $?").value.outcome else { return XCTFail("no crash") }
    XCTAssertEqual(signal, "SIGSEGV")
  }
}
