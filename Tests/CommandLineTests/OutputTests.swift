import Glibc
import Support
import Syntax
import XCTest

final class OutputTests: XCTestCase {
  private let unsafe = [
    "lint", Vfiogate.example("server-radeon-ats.qemu"), "--host", Vfiogate.host("intel-no-device-tlb"),
  ]

  func testTheHelpNamesEverythingThatIsRead() throws {
    let help = try Vfiogate.run("lint", "--help").output.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    for name in ["command line", "shell script", "/proc/PID/cmdline", "device_add", "libvirt XML", "snapshot", "directory"] {
      XCTAssert(help.contains(name), "\(name): \(help)")
    }
    // The help lists the values that --input accepts.
    let empty = try TemporaryDirectory()
    for format in ["shell", "lines", "nul", "qmp", "xml"] {
      XCTAssert(help.contains(format), format)
      XCTAssertEqual(try Vfiogate.run("lint", empty.path, "--host", "none", "--input", format).status, 2, format)
    }
  }

  func testTextAndJSONCarryTheSameFacts() throws {
    let text = try Vfiogate.run(unsafe + ["--verbose"]).output
    let definition = try XCTUnwrap(try Vfiogate.run(unsafe + ["--format", "json"]).json["definitions"]?.array?.first)
    XCTAssertEqual(definition["verdict"]?.string, "unsafe")
    XCTAssert(text.contains(": unsafe with QEMU 11.1.3 as released (assumed) on "))
    let findings = try XCTUnwrap(definition["findings"]?.array)
    XCTAssertEqual(findings.count, 1)
    for finding in findings {
      let place = try XCTUnwrap(finding["location"])
      guard case .integer(let line)? = place["line"], case .integer(let column)? = place["column"],
        let source = place["source"]?.string, let severity = finding["severity"]?.string,
        let rule = finding["rule"]?.string, let message = finding["message"]?.string, let fix = finding["fix"]?.string
      else { return XCTFail("a member is missing: \(finding.text())") }
      XCTAssert(text.contains("\(source):\(line):\(column): \(severity)[\(rule)]: \(message)\n"), text)
      XCTAssert(text.contains("  fix: \(fix)\n"), text)
      for fact in finding["evidence"]?.array?.compactMap(\.string) ?? [] { XCTAssert(text.contains(fact), text) }
    }
    let device = try XCTUnwrap(definition["devices"]?.array?.first)
    XCTAssert(text.contains("realize \(device["realize"]?.string ?? "?")\n"), text)
    XCTAssert(text.contains("qemu: \(device["error"]?.string ?? "?")\n"), text)
  }

  func testTextAndJSONLeaveTheSameOpen() throws {
    let open = ["lint", Vfiogate.example("pod-gpu.qemu"), "--host", Vfiogate.host("container-partial-sys")]
    let text = try Vfiogate.run(open + ["--verbose"]).output
    let definition = try XCTUnwrap(try Vfiogate.run(open + ["--format", "json"]).json["definitions"]?.array?.first)
    XCTAssertEqual(definition["verdict"]?.string, "undetermined")
    let left = try XCTUnwrap(definition["undetermined"]?.array)
    XCTAssertFalse(left.isEmpty)
    // Each missing fact once, with the rules that miss it.
    let facts = Set(left.compactMap { one in one["fact"]?.string.flatMap { fact in one["reason"]?.string.map { "\(fact): \($0)" } } })
    let shown = text.split(separator: "\n").filter { $0.hasPrefix("undetermined: ") }.map { String($0.dropFirst("undetermined: ".count)) }
    XCTAssertEqual(shown.count, Set(shown).count, text)
    XCTAssert(facts.isSubset(of: shown), text)
    for rule in left.compactMap({ $0["rule"]?.string }) {
      XCTAssert(text.split(separator: "\n").contains { $0.hasPrefix("  missed by: ") && $0.contains(rule) }, rule)
    }
  }

  func testPredictPrintsTheDocumentedJSON() throws {
    let refused = try Vfiogate.run(
      "predict", "--ats", "on", "--backend", "iommufd", "--kernel-ats", "unsupported", "--capability", "present",
      "--bus", "express", "--host", "0000:01:00.0", "--format", "json")
    XCTAssertEqual(refused.status, 0)
    XCTAssertEqual(
      try refused.json.text(),
      """
      {"behaviour":"11.1","realize":"fails",\
      "error":"vfio 0000:01:00.0: vfio-pci: ATS requested but not supported by kernel",\
      "warnings":[],"guest-sees-ats":false,"checked-by-qemu":true,"notes":[]}
      """)
    let masked = try Vfiogate.run(
      "predict", "--ats", "auto", "--backend", "iommufd", "--kernel-ats", "unsupported", "--capability", "present",
      "--bus", "express", "--host", "0000:01:00.0", "--format", "json")
    XCTAssertEqual(
      try masked.json.text(),
      """
      {"behaviour":"11.1","realize":"ok",\
      "warnings":["vfio-pci: host kernel reports ATS unsupported; ATS capability will be masked"],\
      "guest-sees-ats":false,"checked-by-qemu":true,"notes":[]}
      """)
  }

  func testPredictSaysWhatItCannotTell() throws {
    let json = try Vfiogate.run(
      "predict", "--ats", "auto", "--backend", "iommufd", "--kernel-ats", "unknown", "--capability", "present",
      "--bus", "express", "--host", "0000:01:00.0", "--format", "json"
    ).json
    XCTAssertEqual(json["realize"]?.string, "ok")
    XCTAssertNil(json["error"])
    XCTAssertEqual(json["guest-sees-ats"]?.string, "undetermined")
    XCTAssertEqual(json["warnings"]?.string, "undetermined")
    XCTAssertNotEqual(json["notes"]?.array?.count ?? 0, 0)
  }

  func testColourIsForTerminalsOnly() throws {
    // swift test sets it when its own output is no terminal.
    unsetenv("NO_COLOR")
    XCTAssertFalse(try Vfiogate.run(unsafe).output.contains("\u{1b}"))
    let shown = try onTerminal(unsafe)
    XCTAssert(shown.contains("\u{1b}["), shown)
    setenv("NO_COLOR", "1", 1)
    defer { unsetenv("NO_COLOR") }
    let plain = try onTerminal(unsafe)
    XCTAssertFalse(plain.contains("\u{1b}"), plain)
    XCTAssert(plain.contains("error[ats-on-kernel-unsupported]"), plain)
  }

  func testColourIsAsChosen() throws {
    for command in [unsafe, ["explain"]] {
      XCTAssert(try Vfiogate.run(command + ["--color", "always"]).output.contains("\u{1b}["), "\(command)")
      XCTAssertFalse(try onTerminal(command + ["--color", "never"]).contains("\u{1b}"), "\(command)")
    }
    unsetenv("NO_COLOR")
    setenv("TERM", "dumb", 1)
    defer { setenv("TERM", "xterm", 1) }
    XCTAssertFalse(try onTerminal(unsafe).contains("\u{1b}"))
    XCTAssertEqual(try Vfiogate.run(unsafe + ["--color", "blue"]).status, 64)
  }

  func testLinesFitTheTerminal() throws {
    for columns in [60, 80, 120] {
      setenv("COLUMNS", "\(columns)", 1)
      defer { unsetenv("COLUMNS") }
      let lines = try Vfiogate.run(unsafe).output.split(separator: "\n")
      // A path is not cut.
      let wide = lines.filter { $0.count > columns && $0.contains(" ") && !$0.contains("/") }
      XCTAssertEqual(wide, [], "\(columns)")
      XCTAssert(lines.contains { $0.count > columns - 15 }, "\(columns): the width is not used")
    }
  }

  /// The facts are in the text on the same terminal; a log of standard error alone has them in its line.
  func testAMissingFactIsOnATerminalOnce() throws {
    let command = ["lint", Vfiogate.example("pod-gpu.qemu"), "--host", Vfiogate.host("container-partial-sys")]
    let terminal = try Vfiogate.run(command, columns: 80)
    XCTAssertEqual(terminal.error, "vfiogate: undetermined; --on-unknown warn accepts that\n")
    XCTAssert(terminal.output.contains("  missing: users of 0000:4b:00.0"), terminal.output)
    XCTAssert(try Vfiogate.run(command).error.contains("users of 0000:4b:00.0"))
    XCTAssert(try Vfiogate.run(command + ["--summary"], columns: 80).error.contains("users of 0000:4b:00.0"))
  }

  func testOneLineAFinding() throws {
    let run = try Vfiogate.run(unsafe + ["--format", "oneline"])
    XCTAssertEqual(run.status, 1)
    let lines = run.output.split(separator: "\n")
    XCTAssertEqual(lines.count, 2, run.output)
    XCTAssert(lines[0].contains("/server-radeon-ats.qemu:7:70: error[ats-on-kernel-unsupported]: `gpu` (0000:01:00.0) sets "))
    XCTAssert(lines[1].hasPrefix("1 definition: 1 unsafe; 1 error; with QEMU 11.1.3 as released (assumed) on "), run.output)
    let open = try Vfiogate.run(
      "lint", Vfiogate.example("pod-gpu.qemu"), "--host", Vfiogate.host("container-partial-sys"), "--format", "oneline")
    XCTAssert(open.output.contains("pod-gpu.qemu: undetermined: device-in-use: users of 0000:4b:00.0: "), open.output)
  }

  /// A definition that names a program does not have it started: the verdict says that its QEMU is assumed.
  func testTheVerdictNamesTheQEMUAndTheHost() throws {
    let host = Vfiogate.host("intel-no-device-tlb")
    XCTAssert(try Vfiogate.run(unsafe).output.contains(
      ": unsafe with QEMU 11.1.3 as released (assumed) on \(host): 1 error; --qemu PATH or --rehearse emulator asks yours\n"))
    let given = try Vfiogate.run(unsafe + ["--qemu", "11.1.3"]).output
    XCTAssert(given.contains(": unsafe with QEMU 11.1.3 as released on \(host): 1 error\n"), given)
    XCTAssert(try Vfiogate.run("lint", unsafe[1], "--host", "none").output.contains(" without a host"))
    let several = try Vfiogate.run(["lint", unsafe[1], Vfiogate.example("pod-gpu.qemu"), "--host", "none"]).output
    XCTAssertEqual(several.split(separator: "asks yours").count, 2, "the advice is given once: \(several)")
  }

  /// Safe is a promise about passthrough: what was left to QEMU is named.
  func testASafeVerdictNamesWhatWasNotChecked() throws {
    let port = "qemu-system-x86_64 -M q35 -nodefaults -device pcie-root-port,id=rp0,chassis=1,bus=pcie.0"
    let devices = " -device vfio-pci,host=0000:01:00.0,bus=rp0,addr=0.0,multifunction=on"
      + " -device vfio-pci,host=0000:01:00.1,bus=rp0,addr=0.1"
    func verdict(_ line: String, _ more: [String] = []) throws -> String {
      let run = try Vfiogate.run(
        ["lint", "-", "--host", Vfiogate.host("intel-no-device-tlb")] + more, input: Array((line + "\n").utf8))
      XCTAssertEqual(run.status, 0, run.output)
      return String(run.output.split(separator: "\n").last { $0.hasPrefix("<stdin>") || $0.hasPrefix("-") } ?? "")
    }
    let nothing = "; no host device: the rest of the machine was not checked"
    for (more, others) in [
      (" -netdev user,id=n -device e1000e,netdev=n", "`-netdev` and options of other devices"),
      (" -chardev null,id=c", "the values of `-chardev`"),
      (" -device usb-ehci", "options of other devices"), (" -object iothread,id=i", "the values of `-object`"),
      (
        " -cpu max -rtc base=utc -name a -uuid 01234567-89ab-cdef-0123-456789abcdef -boot c -vga none -numa dist,src=0,dst=0,val=10",
        "`-cpu`, `-rtc`, `-name`, `-uuid` and 3 others"
      ),
    ] {
      XCTAssert(try verdict(port + devices + more).contains("; \(others) were not checked"), more)
    }
    let whole = try verdict(port + devices + " -S -m 1G -smp 2 -object memory-backend-ram,id=m,size=1G -numa node,memdev=m")
    XCTAssert(whole.contains(": safe ") && !whole.contains("not checked"), whole)
    XCTAssert(try verdict(port).contains(nothing))
    let text = "<domain type='kvm'><name>vm</name><memory unit='GiB'>1</memory><os><type arch='x86_64' machine='q35'>hvm</type></os>"
      + "<devices><hostdev mode='subsystem' type='pci' managed='yes'><source><address bus='10'/></source></hostdev></devices></domain>"
    let lint = ["lint", "-", "--host", Vfiogate.host("desktop-amd-geforce")]
    let domain = try Vfiogate.run(lint, input: Array(text.utf8))
    XCTAssert(domain.output.contains(": safe ") && domain.output.contains("; the rest of the domain was not checked"), domain.output)
    let json = try Vfiogate.run(lint + ["--format", "json"], input: Array(text.utf8)).json
    XCTAssertEqual(json["definitions"]?.array?.first?["not-checked"]?.array?.map(\.string), ["domain"])
    let noDevice = try Vfiogate.run(lint + ["--format", "json"], input: Array((port + "\n").utf8)).json
    XCTAssertEqual(noDevice["definitions"]?.array?.first?["not-checked"]?.array?.map(\.string), ["machine"])
    if let program = InstalledQEMU.ofDistribution {
      let asked = try verdict(port + devices + " -chardev null,id=c", ["--rehearse", program, "--qemu", "11.1.3"])
      XCTAssert(asked.contains(": safe ") && !asked.contains("not checked"), asked)
    }
  }

  func testMisspeltNamesAreCorrected() throws {
    for (arguments, meant) in [
      (["lnit", "x"], "did you mean `lint`?"), (["explian"], "did you mean `explain`?"),
      (["explain", "not-bond"], "did you mean `not-bound`?"),
      // Said before an argument that is missing too.
      (["lint", "--hosst"], "Unknown option '--hosst'. Did you mean '--host'?"), (["plan", "--xyzzy"], "Unknown option '--xyzzy'"),
      (["lint"], "Missing expected argument '<files> ...'"), (["plan", "01:00.0"], "Missing expected argument '--for <for>'"),
    ] {
      let run = try Vfiogate.run(arguments)
      XCTAssertEqual(run.status, 64)
      XCTAssert(run.error.contains(meant), run.error)
      XCTAssertEqual(run.output, "")
    }
    XCTAssertFalse(try Vfiogate.run("nothing-like-it").error.contains("did you mean"))
    XCTAssertEqual(try Vfiogate.run("help", "lint").status, 0)
    let bad = try Vfiogate.run("explain", "xyzzy\u{1b}[2J").error
    XCTAssert(bad.contains("`vfiogate explain` lists them"), bad)
    XCTAssertFalse(bad.contains("\u{1b}"))
  }

  func testTheExplanationIsPrintedForEachFindingOnRequest() throws {
    let folder = try TemporaryDirectory()
    let text = "qemu-system-x86_64 -device e1000e,id=a -device e1000e,id=a -device e1000e,id=a\n"
    for name in ["a", "b"] { try writeFile("\(folder.path)/\(name)", text) }
    func explanations(_ options: String...) throws -> Int {
      let run = try Vfiogate.run(["lint", folder.path, "--host", "none"] + options)
      return run.output.split(separator: "\n").filter { $0.hasPrefix("  why: ") }.count
    }
    XCTAssertEqual(try explanations(), 1)
    // Findings that say the same of several devices are one block: one in each file.
    XCTAssertEqual(try explanations("--explain"), 2)
  }

  /// The program's output to a terminal.
  private func onTerminal(_ arguments: [String]) throws -> String {
    // Glibc's module hides posix_openpt and its kin from some versions of Swift; these are what they
    // do (asm-generic/ioctls.h: TIOCSPTLCK, TIOCGPTN).
    let master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
    var locked: Int32 = 0
    var number: UInt32 = 0
    guard master >= 0, ioctl(master, 0x4004_5431, &locked) == 0, ioctl(master, 0x8004_5430, &number) == 0 else {
      throw XCTSkip("SKIPPED: no pseudo-terminal can be had here: \(String(cString: strerror(errno)))")
    }
    defer { close(master) }
    let terminal = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY | O_CLOEXEC)
    guard terminal >= 0 else { throw SystemFailure("open a pseudo-terminal") }
    let child = try Child(try Child.built("vfiogate"), arguments, output: terminal)
    close(terminal)
    // Reading ends with EIO when the other side is closed.
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = read(master, &piece, piece.count)
      if count <= 0 { break }
      bytes += piece[..<count]
    }
    child.wait()
    return String(decoding: bytes, as: UTF8.self)
  }
}
