import Glibc
import Support
import XCTest

/// `lint --rehearse` and `run`, as a user starts them.
final class RehearsalProgramTests: XCTestCase {
  private let line = "qemu-system-x86_64 -M q35 -nodefaults -device pcie-root-port,id=rp1,chassis=1 -device vfio-pci,host=01:00.0,bus=rp1"
  /// A definition that QEMU refuses for a device that is not modelled.
  private let refused = "-M q35 -nodefaults -device kvaser_pci -device vfio-pci,host=01:00.0"

  private func program() throws -> String {
    guard let path = InstalledQEMU.ofDistribution else {
      throw XCTSkip("SKIPPED: qemu-system-x86_64 is not installed, so nothing was rehearsed")
    }
    return path
  }

  func testLintReportsWhatQEMURefuses() throws {
    let path = try program()
    let run = try Vfiogate.run(
      "lint", "-", "--host", "none", "--rehearse", path, "--format", "json", input: "qemu-system-x86_64 " + refused)
    XCTAssertEqual(run.status, 1, run.error)
    let definition = try run.json["definitions"]?.array?.first
    XCTAssertEqual(definition?["rehearsal"]?["outcome"]?.string, "refused")
    XCTAssertEqual(definition?["rehearsal"]?["path"]?.string, "-device[0]")
    XCTAssertEqual(definition?["rehearsal"]?["qemu"]?.string?.contains(path), true)
    let rules = definition?["findings"]?.array?.compactMap { $0["rule"]?.string }
    XCTAssertEqual(rules?.contains("rehearsal-fails"), true)
  }

  func testAMachineWithoutHostDevicesThatQEMUCreatesWasChecked() throws {
    let run = try Vfiogate.run("lint", "-", "--host", "none", "--rehearse", try program(), input: "qemu-system-x86_64 -M q35 -device edu")
    XCTAssert(run.output.hasSuffix("; no host device\n"), run.output)
  }

  func testTheProgramOfQemuIsRehearsedUnlessItIsRefused() throws {
    let path = try program()
    func outcome(_ more: [String], _ text: String? = nil) throws -> String? {
      let arguments = ["lint", "-", "--host", "none", "--format", "json"] + more
      let run = try Vfiogate.run(arguments, input: Array((text ?? line).utf8))
      return try run.json["definitions"]?.array?.first?["rehearsal"]?["outcome"]?.string
    }
    XCTAssertEqual(try outcome(["--qemu", path]), "started")
    XCTAssertNil(try outcome(["--qemu", path, "--no-rehearse"]))
    XCTAssertNil(try outcome([]))
    XCTAssertEqual(try outcome(["--rehearse", "emulator"]), "started")
    XCTAssertEqual(try outcome(["--rehearse", "emulator"], "/no/such/" + line), "unknown")
    XCTAssertEqual(try outcome(["--rehearse", path], line.replacingX86()), "not-rehearsed")
  }

  func testAProgramsTextDoesNotControlTheTerminal() throws {
    let directory = try TemporaryDirectory()
    try writeFile(directory.path + "/qemu", "#!/bin/sh\nprintf 'a\\033[31mred' >&2\nexit 1\n", mode: 0o755)
    let run = try Vfiogate.run("lint", "-", "--host", "none", "--rehearse", directory.path + "/qemu", input: line)
    XCTAssertEqual(run.status, 2)
    XCTAssert(run.error.contains(#"standard error: a\x1b[31mred"#), run.error)
    let missing = try Vfiogate.run("lint", "no\u{1b}[31mfile", "--host", "none")
    XCTAssertEqual(missing.error, "vfiogate: no\\x1b[31mfile: No such file or directory\n")
  }

  func testTheProgramThatADefinitionNamesIsTheQEMUOfItsVerdict() throws {
    let path = try program()
    func judged(_ text: String, _ more: [String] = ["--rehearse", "emulator"]) throws -> (String?, Bool?) {
      let run = try Vfiogate.run(["lint", "-", "--host", "none", "--format", "json"] + more, input: Array(text.utf8))
      let definition = try run.json["definitions"]?.array?.first
      return (definition?["qemu"]?.string, definition?["qemu-assumed"].map { $0 == .bool(true) })
    }
    let domain = """
      <domain type='kvm'><name>g</name><memory>1048576</memory><os><type arch='x86_64' machine='q35'>hvm</type></os><devices>
      <emulator>\(path)</emulator><hostdev mode='subsystem' type='pci' managed='yes'>
      <source><address domain='0' bus='1' slot='0' function='0'/></source></hostdev></devices></domain>
      """
    for text in [line, domain] {
      let (name, isAssumed) = try judged(text)
      XCTAssert(name?.hasPrefix("QEMU ") == true && name?.hasSuffix(" at " + path) == true, "\(name ?? "-")")
      XCTAssertEqual(isAssumed, false)
      // Neither without that word, nor where another was named.
      XCTAssertEqual(try judged(text, []).1, true)
      XCTAssertEqual(try judged(text, ["--rehearse", "emulator", "--qemu", "11.1.3"]).0, "QEMU 11.1.3 as released")
    }
    XCTAssertEqual(try judged("/no/such/" + line).1, true)
  }

  func testAProgramThatIsNoQEMUIs2AndNeverSafe() throws {
    let folder = try TemporaryDirectory()
    let garbage = folder.path + "/garbage"
    try writeFile(garbage, "#!/bin/sh\necho garbage\n", mode: 0o755)
    let text = folder.path + "/text"
    try writeFile(text, "nothing\n")
    for path in ["/no/such/qemu", "/bin/false", "/bin/true", garbage, text] {
      let run = try Vfiogate.run("lint", "-", "--host", "none", "--rehearse", path, input: line)
      XCTAssertEqual(run.status, 2, path)
      XCTAssertEqual(run.error.split(separator: "\n").count, 1, run.error)
      XCTAssert(run.error.contains(path), run.error)
      XCTAssertFalse(run.output.contains(": safe"), run.output)
    }
    for name in ["qemu", "", "EMULATOR"] {
      let run = try Vfiogate.run("lint", "-", "--rehearse", name, input: line)
      XCTAssertEqual(run.status, 64)
      XCTAssert(run.error.contains("--rehearse `\(name)`"), run.error)
    }
  }

  func testRunRehearsesGuestsWithPassthroughOnly() throws {
    let folder = try TemporaryDirectory()
    let path = folder.path + "/qemu-system-x86_64", log = folder.path + "/log"
    // Counts its starts with a machine; prints its arguments where it is not asked anything.
    let script = """
      #!/bin/sh
      case "$*" in *"-M none"*) ;; *"-qmp stdio"*) echo rehearsal >> \(log);; *) echo started; exit 0;; esac
      exec \(try program()) "$@"

      """
    try writeFile(path, script, mode: 0o755)
    func run(_ options: [String], _ arguments: String) throws -> Vfiogate {
      try Vfiogate.run(["run", "--host", "none"] + options + ["--", path] + arguments.split(separator: " ").map(String.init))
    }
    let refusal = try run([], refused)
    XCTAssertEqual(refusal.status, 1, refusal.output + refusal.error)
    XCTAssert(refusal.error.contains("error[rehearsal-fails]"), refusal.error)
    XCTAssertEqual(try readFile(log).filter { $0 == 0x0a }.count, 2)
    XCTAssertEqual(try run(["--no-rehearse"], refused).output, "started\n")
    XCTAssertEqual(try run([], "-M q35 -device kvaser_pci").output, "started\n")
    XCTAssertEqual(try run([], "-M q35 -nodefaults -device vfio-pci,host=01:00.0").output, "started\n")
    XCTAssertEqual(try readFile(log).filter { $0 == 0x0a }.count, 4)
  }

  func testNoFileOfTheDefinitionIsOpenedAndNothingIsWritten() throws {
    let path = try program()
    guard let strace = Child.find("strace") else {
      throw XCTSkip("SKIPPED: strace is not installed, so the files that a rehearsal opens were not inspected")
    }
    let folder = try TemporaryDirectory()
    let log = folder.path + "/trace"
    let names = ["disk.img", "cd.iso", "kernel", "initrd", "bios.bin", "sock", "pages", "key", "pid", "log", "table", "vars.fd", "share"]
      + ["fru.bin", "sdr.bin", "splash.jpg", "usb.pcap"]
    try names.forEach { try writeFile(folder.path + "/" + $0, "x") }
    func file(_ name: String) -> String { folder.path + "/" + name }
    let text = """
      qemu-system-x86_64 -M q35,accel=kvm -nodefaults -m 2G -drive file=\(file("disk.img")),if=virtio -cdrom \(file("cd.iso")) \
      -kernel \(file("kernel")) -initrd \(file("initrd")) -bios \(file("bios.bin")) -monitor unix:\(file("sock")),server \
      -object memory-backend-file,id=m,size=2G,mem-path=\(file("pages")) -machine memory-backend=m -D \(file("log")) \
      -object secret,id=s,file=\(file("key")) -pidfile \(file("pid")) -acpitable file=\(file("table")) -daemonize \
      -drive if=pflash,format=raw,file=\(file("vars.fd")) -virtfs local,path=\(file("share")),mount_tag=t,security_model=none \
      -chardev socket,id=c,path=\(file("sock")) -device virtio-serial-pci -device virtserialport,chardev=c -smbios file=\(file("table")) \
      -fw_cfg name=opt/x,file=\(file("table")) -device loader,file=\(file("kernel")) -device vfio-pci,host=01:00.0 \
      -device ipmi-bmc-sim,id=b,frudatafile=fru.bin -global ipmi-bmc-sim.sdrfile=\(file("sdr.bin")) -usbdevice braille \
      -M boot.splash=\(file("splash.jpg")) -device qemu-xhci -device usb-kbd,pcap=usb.pcap
      """
    let definition = folder.path + "/definition.qemu"
    try writeFile(definition, text)
    let arguments = [
      "-f", "-o", log, "-e", "trace=open,openat,creat,connect,bind,unlink,mkdir,rename", try Child.built("vfiogate"), "lint", definition,
      "--host", "none", "--rehearse", path, "--format", "json",
    ]
    let (_, output, error) = try Child.run("/bin/sh", ["-c", "cd \(folder.path) && exec \"$@\"", "sh", strace] + arguments)
    let report = String(decoding: output, as: UTF8.self)
    XCTAssert(report.contains(#""outcome": "started""#), report + String(decoding: error, as: UTF8.self))
    let trace = String(decoding: try readFile(log), as: UTF8.self).split(separator: "\n")
    XCTAssert(trace.contains { $0.contains("bios-256k.bin") || $0.contains("/qemu/") }, "the trace has no QEMU in it")
    for name in names {
      XCTAssertFalse(trace.contains { $0.contains("\"" + file(name)) || $0.contains("\"\(name)\"") }, "\(name) was opened")
    }
    let written = trace.filter { ["O_WRONLY", "O_CREAT", "unlink(", "mkdir(", "rename(", "bind("].contains(where: $0.contains) }
      .filter { !$0.contains("/dev/") && !$0.contains("/proc/") && !$0.contains("memfd") }
    XCTAssert(written.isEmpty, written.joined(separator: "\n"))
    // glibc asks the name service about users.
    let connected = trace.filter { $0.contains("connect(") && !$0.contains("/nscd/") }
    XCTAssert(connected.isEmpty, connected.joined(separator: "\n"))
    XCTAssertFalse(trace.contains { $0.contains("\"/dev/kvm\"") || $0.contains("\"/dev/iommu\"") || $0.contains("\"/dev/vfio") })
  }

  /// Each QEMU waits here until those of two definitions run.
  func testDefinitionsOfADirectoryAreRehearsedAtOnceAndReportedInOrder() throws {
    let folder = try TemporaryDirectory()
    let path = folder.path + "/qemu-system-x86_64", ids = folder.path + "/ids"
    let script = """
      #!/bin/sh
      case "$*" in *"-M none"*) exec \(try program()) "$@";; esac
      echo $$ >> \(ids)
      until [ $(wc -l < \(ids)) -ge 4 ]; do sleep 0.02; done
      exec \(try program()) "$@"

      """
    try writeFile(path, script, mode: 0o755)
    let definitions = folder.path + "/definitions"
    mkdir(definitions, 0o755)
    for name in ["a", "b", "c", "d", "e"] {
      try writeFile(definitions + "/\(name).qemu", name == "c" ? "qemu-system-x86_64 " + refused : line)
    }
    let run = try Vfiogate.run("lint", definitions, "--host", "none", "--rehearse", path, "--format", "json")
    let all = try XCTUnwrap(try run.json["definitions"]?.array)
    XCTAssertEqual(all.compactMap { $0["source"]?.string?.last(6) }, ["a.qemu", "b.qemu", "c.qemu", "d.qemu", "e.qemu"])
    XCTAssertEqual(
      all.compactMap { $0["rehearsal"]?["outcome"]?.string }, ["started", "started", "refused", "started", "started"], run.error)
  }

  func testTheQEMUsEndWithVfiogateAlsoWhenItIsKilled() throws {
    try checkThatAKilledProgramLeavesNone { "echo $$ >> \($0); exec sleep 600" }
    // A wrapper that does not become its QEMU.
    try checkThatAKilledProgramLeavesNone { "sleep 600 & echo $! >> \($0); wait" }
  }

  /// Whether a process is gone, or a zombie: its parent is gone, and another reaps it at its own time (proc_pid_stat(5)).
  private static func hasEnded(_ processID: pid_t) -> Bool {
    guard let stat = try? readFile("/proc/\(processID)/stat") else { return true }
    return stat.split(separator: UInt8(ascii: ")")).last?.dropFirst().first == UInt8(ascii: "Z")
  }

  /// - Parameter wait: how a script waits, after it has written a process id to a file.
  private func checkThatAKilledProgramLeavesNone(_ wait: (_ ids: String) -> String) throws {
    let folder = try TemporaryDirectory()
    let path = folder.path + "/qemu-system-x86_64", ids = folder.path + "/ids"
    let script = """
      #!/bin/sh
      case "$*" in *"-M none"*) exec \(try program()) "$@";; esac
      \(wait(ids))

      """
    try writeFile(path, script, mode: 0o755)
    try writeFile(folder.path + "/definition.qemu", line)
    let child = try Child(
      try Child.built("vfiogate"), ["lint", folder.path + "/definition.qemu", "--host", "none", "--rehearse", path])
    func started() -> [pid_t] {
      let text = (try? readFile(ids)).map { String(decoding: $0, as: UTF8.self) } ?? ""
      return text.split(separator: "\n").compactMap { pid_t($0) }
    }
    try Wait.until("both QEMUs", isTrue: { started().count == 2 })
    child.end()
    for one in started() { try Wait.until("the end of \(one)", isTrue: { Self.hasEnded(one) }) }
  }
}

extension String {
  fileprivate func last(_ count: Int) -> String { String(suffix(count)) }

  /// The same for a QEMU of another target.
  fileprivate func replacingX86() -> String { "qemu-system-aarch64" + dropFirst("qemu-system-x86_64".count) }
}
