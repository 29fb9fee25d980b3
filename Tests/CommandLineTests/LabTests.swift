import Glibc
import Support
import XCTest

/// scripts/lab where it cannot run: one line, exit 2, and no partial result that looks complete later.
final class LabTests: XCTestCase {
  private var folder: TemporaryDirectory?

  override func setUpWithError() throws {
    guard geteuid() == 0 else { throw XCTSkip("SKIPPED: scripts/lab asks for root before anything else") }
    guard Child.find("python3") != nil, Child.find("flock") != nil else {
      throw XCTSkip("SKIPPED: python3 or flock is not installed")
    }
    folder = try TemporaryDirectory()
  }

  /// `scripts/lab` with a cache of its own; `before` is shell text that goes first.
  private func lab(
    _ environment: [String], options: [String] = ["--prepare"], before: String = ""
  ) throws -> (status: Int32, output: String, error: String) {
    let folder = try XCTUnwrap(folder).path
    let words = (["XDG_CACHE_HOME=\(folder)/cache", "LAB_KERNEL=\(folder)/bzImage"] + environment).joined(separator: " ")
    let kernel = [UInt8](repeating: 0, count: 514) + Array("HdrS".utf8)
    let descriptor = open(folder + "/bzImage", O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    try writeAll(descriptor, kernel)
    close(descriptor)
    let command = "\(before) env \(words) \(Fixture.path("../scripts/lab")) \(options.joined(separator: " "))"
    let run = try Child.run("/usr/bin/unshare", ["--mount", "/bin/bash", "-c", command])
    let text = String(decoding: run.error, as: UTF8.self)
    if text.hasPrefix("unshare: ") { throw XCTSkip("SKIPPED: no mount namespace of its own: \(text)") }
    return (run.status, String(decoding: run.output, as: UTF8.self), text)
  }

  private func assertRefusal(_ run: (status: Int32, output: String, error: String), _ message: String, line: UInt = #line) {
    XCTAssertEqual(run.status, 2, run.error, line: line)
    XCTAssert(run.error.hasPrefix("lab: "), run.error, line: line)
    XCTAssert(run.error.contains(message), run.error, line: line)
    XCTAssertEqual(run.error.filter { $0 == "\n" }.count, 1, run.error, line: line)
  }

  /// A root whose loader prints a version, whatever it is asked to run.
  private func root(qemu version: String) throws -> String {
    let root = try XCTUnwrap(folder).path + "/root"
    let script = """
      mkdir -p \(root)/usr/bin \(root)/lib64
      printf '#!/bin/sh\\necho QEMU emulator version \(version)\\n' > \(root)/lib64/ld-linux-x86-64.so.2
      cp \(root)/lib64/ld-linux-x86-64.so.2 \(root)/usr/bin/qemu-system-x86_64
      chmod +x \(root)/lib64/* \(root)/usr/bin/*
      """
    XCTAssertEqual(try Child.run("/bin/bash", ["-ec", script]).status, 0)
    return root
  }

  func testARootWithoutQEMU() throws {
    assertRefusal(try lab(["LAB_ROOT=/var/empty"]), "no QEMU in the root /var/empty")
  }

  func testARootWithAnotherQEMU() throws {
    let root = try root(qemu: "7.2.22")
    assertRefusal(try lab(["LAB_ROOT=\(root)"]), "the root \(root) has QEMU 7.2.22, not 11.1")
  }

  func testARootWithoutTheOtherProgramsOfTheMachine() throws {
    let root = try root(qemu: "11.1.3")
    assertRefusal(try lab(["LAB_ROOT=\(root)"]), "no busybox (busybox-static) in the root \(root)")
  }

  func testAFileThatIsNoKernel() throws {
    assertRefusal(try lab(["LAB_KERNEL=/etc/passwd"]), "/etc/passwd is not a Linux kernel image")
    assertRefusal(try lab(["LAB_KERNEL=/no/such/file"]), "no kernel image at /no/such/file (LAB_KERNEL)")
  }

  func testNoSpaceLeft() throws {
    let cache = try XCTUnwrap(folder).path + "/cache"
    let small = "mkdir \(cache); mount -t tmpfs -o size=8m none \(cache) || { echo unshare: mount >&2; exit 1; };"
    let run = try lab(["LAB_ROOT="], before: small)
    assertRefusal(run, "no space for the root: ")
    XCTAssert(run.error.contains(" MB free at \(cache)/vfiogate/lab, 1500 MB needed"), run.error)
  }

  /// The part is made under another name; a half-made one of a killed run is removed.
  func testNothingHalfMadeIsUsed() throws {
    let parts = try XCTUnwrap(folder).path + "/cache/vfiogate/lab"
    let half = "mkdir -p \(parts)/root.partial/usr/bin; "
      // A debootstrap that fails half-way.
      + "mkdir \(parts)/bin; printf '#!/bin/sh\\nmkdir -p $3/usr; echo E: no such mirror; exit 1\\n' > \(parts)/bin/debootstrap; "
      + "chmod +x \(parts)/bin/debootstrap; PATH=\(parts)/bin:$PATH"
    let run = try lab(["LAB_ROOT="], before: half)
    if run.error.contains("no space for the root") { throw XCTSkip("SKIPPED: \(run.error)") }
    assertRefusal(run, "the root could not be made: E: no such mirror (see \(parts)/root.log)")
    for name in ["root", "root.partial"] { XCTAssertNotEqual(access("\(parts)/\(name)", F_OK), 0, name) }
  }

  /// The machine is a program that ends only when it is killed.
  func testAMachineThatIsStuckIsStartedOnceMore() throws {
    let folder = try XCTUnwrap(folder).path
    let root = try root(qemu: "11.1.3")
    let script = """
      printf '#!/bin/sh\\n%s\\n' 'case "$*" in *--version) echo QEMU emulator version 11.1.3; exit;; esac' \
        'mkfifo "$0.pipe"; read never < "$0.pipe"' > \(root)/lib64/ld-linux-x86-64.so.2
      printf '#!/bin/sh\\n' > \(root)/usr/bin/busybox
      cp \(root)/usr/bin/busybox \(root)/usr/bin/python3
      cp \(root)/usr/bin/busybox \(folder)/vfiogate
      chmod +x \(root)/usr/bin/* \(folder)/vfiogate
      """
    XCTAssertEqual(try Child.run("/bin/bash", ["-ec", script]).status, 0)
    let run = try lab(["LAB_ROOT=\(root)", "LAB_VFIOGATE=\(folder)/vfiogate", "LAB_PATIENCE=1"], options: ["intel"])
    XCTAssertEqual(run.status, 2, run.error)
    XCTAssertEqual(run.error, "lab: intel: the machine wrote nothing for 1 s\n")
    for start in ["first", "second"] {
      XCTAssert(run.output.contains("lab: intel: the machine wrote nothing for 1 s, at its \(start) start."), run.output)
    }
  }

  func testAPatienceThatIsNotANumber() throws {
    assertRefusal(try lab(["LAB_PATIENCE=ten"]), "LAB_PATIENCE=ten is not a number of seconds")
  }

  func testWrongUsage() throws {
    let wrong = [
      "unknown option --nope": ["--nope"], "no variant nowhere": ["nowhere"], "--only needs a value": ["--only"],
      "--fixtures takes all trials": ["--fixtures", "--only", "x"],
    ]
    for (message, words) in wrong {
      let run = try Child.run(Fixture.path("../scripts/lab"), words)
      assertRefusal((run.status, "", String(decoding: run.error, as: UTF8.self)), message)
    }
  }
}
