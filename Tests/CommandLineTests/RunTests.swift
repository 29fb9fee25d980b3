import Glibc
import Support
import XCTest

/// `vfiogate run`, which becomes the program that it is given, or refuses.
final class RunTests: XCTestCase {
  private let host = Vfiogate.host("intel-no-device-tlb")

  /// A program that prints its arguments one a line, and its process id.
  private func program(_ folder: TemporaryDirectory) throws -> String {
    let path = folder.path + "/qemu-system-x86_64"
    try writeFile(path, "#!/bin/sh\necho \"pid $$\"\nfor one in \"$@\"; do printf '<%s>\\n' \"$one\"; done\n", mode: 0o755)
    return path
  }

  func testTheProgramGetsItsArgumentsUntouched() throws {
    let folder = try TemporaryDirectory()
    let program = try program(folder)
    let run = try Vfiogate.run("run", "--host", "none", "--", program, "-name", "a b", "", "--", "-device", "vfio-pci,host=01:00.0")
    XCTAssertEqual(run.status, 0, run.error)
    let lines = run.output.split(separator: "\n").dropFirst()
    XCTAssertEqual(Array(lines), ["<-name>", "<a b>", "<>", "<-->", "<-device>", "<vfio-pci,host=01:00.0>"])
  }

  func testTheProgramIsTheProcessThatWasStarted() throws {
    let folder = try TemporaryDirectory()
    let program = try program(folder)
    let output = folder.path + "/output"
    let file = open(output, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    defer { close(file) }
    let arguments = ["run", "--host", "none", "--", program, "-device", "vfio-pci,host=01:00.0"]
    let child = try Child(try Child.built("vfiogate"), arguments, output: file)
    XCTAssertEqual(child.wait(), 0)
    XCTAssertEqual(String(decoding: try readFile(output), as: UTF8.self).split(separator: "\n").first, "pid \(child.processID)")
  }

  func testARefusedCommandLineIsNotStarted() throws {
    let folder = try TemporaryDirectory()
    let program = try program(folder)
    let run = try Vfiogate.run(
      "run", "--host", host, "--qemu", "11.1.3", "--", program, "-device", "vfio-pci,host=0000:7f:1f.7,id=gone")
    XCTAssertEqual(run.status, 1)
    XCTAssertEqual(run.output, "")
    XCTAssert(run.error.hasPrefix("vfiogate: refused: realize-fails: QEMU refuses `gone` (0000:7f:1f.7)"), run.error)
    // An argument is a line: the place is that of the second argument after the program.
    XCTAssert(run.error.contains("command line:3:10: error["), run.error)
  }

  func testTheColourIsAsChosen() throws {
    let folder = try TemporaryDirectory()
    let program = try program(folder)
    for (color, isColoured) in [(["--color", "always"], true), (["--color=always"], true), (["--color", "never"], false), ([], false)] {
      let run = try Vfiogate.run(
        ["run", "--host", host, "--qemu", "11.1.3"] + color + ["--", program, "-device", "vfio-pci,host=0000:7f:1f.7,id=gone"])
      XCTAssertEqual(run.error.contains("\u{1b}["), isColoured, run.error)
    }
  }

  func testADryRunStartsNothing() throws {
    let folder = try TemporaryDirectory()
    let run = try Vfiogate.run("run", "--dry-run", "--", try program(folder), "-m", "1G")
    XCTAssertEqual(run.status, 0)
    XCTAssertEqual(run.output, "")
    XCTAssert(run.error.contains("would start"), run.error)
  }

  func testAProbeForCapabilitiesPassesUnchanged() throws {
    let folder = try TemporaryDirectory()
    let run = try Vfiogate.run(
      "run", "--on-unknown", "refuse", "--host", "none", "--", try program(folder), "-M", "none", "-device", "vfio-pci,help")
    XCTAssertEqual(run.status, 0, run.error)
    XCTAssert(run.output.contains("<vfio-pci,help>"), run.output)
    XCTAssertEqual(run.error, "")
  }

  func testWhatCannotBeToldRefusesOnRequest() throws {
    let folder = try TemporaryDirectory()
    let arguments = ["--", try program(folder), "-device", "vfio-pci,host=01:00.0"]
    let refused = try Vfiogate.run(["run", "--host", "none", "--on-unknown", "refuse"] + arguments)
    XCTAssertEqual(refused.status, 2)
    XCTAssertEqual(refused.output, "")
    XCTAssertEqual(try Vfiogate.run(["run", "--host", "none"] + arguments).status, 0)
  }

  func testWrongUsageIsTold() throws {
    for wrong in [["run"], ["run", "--"], ["run", "--fail-on", "bad", "--", "true"], ["run", "--nonsense", "--", "true"]] {
      let run = try Vfiogate.run(wrong)
      XCTAssertEqual(run.status, 64, wrong.joined(separator: " ") + run.error)
    }
    XCTAssertEqual(try Vfiogate.run("run", "--", "/nonexistent/qemu").status, 2)
  }

  func testHelpIsPrintedWhereverItIsAskedFor() throws {
    for arguments in [["run", "--help"], ["run", "-h"], ["run", "--host", "none", "--help"], ["help", "run"]] {
      let run = try Vfiogate.run(arguments)
      XCTAssertEqual(run.status, 0, run.error)
      XCTAssert(run.output.contains("--annotate") && run.output.contains("vfiogate run [<options>] -- <qemu>"), run.output)
    }
    // After the program it is QEMU's own.
    let folder = try TemporaryDirectory()
    XCTAssertEqual(try Vfiogate.run("run", try program(folder), "--help").output.split(separator: "\n").last, "<--help>")
  }

  func testOptionsMayHaveTheirValuesAttached() throws {
    let folder = try TemporaryDirectory()
    let run = try Vfiogate.run(
      "run", "--host=\(host)", "--qemu=11.1.3", "--", try program(folder), "-device", "vfio-pci,host=7f:1f.7")
    XCTAssertEqual(run.status, 1, run.error)
  }

  func testAWarningIsAnnotatedWithItsDevice() throws {
    let folder = try TemporaryDirectory()
    let path = folder.path + "/qemu-system-x86_64"
    let warning = "warning: vfio-pci: host kernel reports ATS unsupported; ATS capability will be masked"
    try writeFile(
      path, "#!/bin/sh\necho \"qemu: $1 $2: \(warning)\" >&2\necho other >&2\necho \"qemu: \(warning)\" >&2\n", mode: 0o755)
    // Through a pipe, whose end comes when the annotator has written all.
    let command = "\"$0\" run --annotate --host none -- \"$1\" -device vfio-pci,host=0000:01:00.0,id=nic0 2>&1 | cat"
    let run = try Child.run("/bin/sh", ["-c", command, try Child.built("vfiogate"), path])
    XCTAssertEqual(
      String(decoding: run.output, as: UTF8.self).split(separator: "\n").suffix(5),
      [
        "qemu: -device vfio-pci,host=0000:01:00.0,id=nic0: \(warning)",
        "vfiogate: the warning above is about `nic0` (0000:01:00.0)", "other", "qemu: \(warning)",
        "vfiogate: the warning above is about a device that was plugged later",
      ])
  }

  /// One argument ends like another: the longer one is meant.
  func testAWarningIsAnnotatedWithTheArgumentThatItNames() throws {
    let folder = try TemporaryDirectory()
    let path = folder.path + "/qemu-system-x86_64"
    let warning = "warning: vfio-pci: host kernel reports ATS unsupported; ATS capability will be masked"
    try writeFile(path, "#!/bin/sh\nfor one in \"$2\" \"$4\"; do echo \"qemu: -device $one: \(warning)\" >&2; done\n", mode: 0o755)
    try writeFile(folder.path + "/policy", "[allow \"dup-host-device\"]\n  reason = \"a test\"\n")
    let command = "\"$0\" run --annotate --host none --policy \"$3\" -- \"$1\" -device \"$2\" -device \"id=z,$2\" 2>&1 | cat"
    let options = "driver=vfio-pci,host=0000:01:00.0"
    let run = try Child.run(
      "/bin/sh", ["-c", command, try Child.built("vfiogate"), path, options, folder.path + "/policy"])
    XCTAssertEqual(
      String(decoding: run.output, as: UTF8.self).split(separator: "\n").filter { $0.contains("the warning above") },
      ["vfiogate: the warning above is about (0000:01:00.0)", "vfiogate: the warning above is about `z` (0000:01:00.0)"])
  }

  /// Most guests are started without a check. These may have passthrough: by a device or a file.
  func testEveryArgumentThatMayConcernPassthroughIsChecked() throws {
    let folder = try TemporaryDirectory()
    _ = try program(folder)
    try writeFile(folder.path + "/guest.cfg", "[device \"gone\"]\n  driver = \"vfio-pci\"\n  host = \"0000:7f:1f.7\"\n")
    for arguments in [
      ["-device", "vfio-pci,host=0000:7f:1f.7"], ["-readconfig", "guest.cfg"],
    ] {
      // The folder's name contains vfio, so no argument may contain the folder's name.
      let command = [try Child.built("vfiogate"), "run", "--host", host, "--qemu", "11.1.3", "--", "./qemu-system-x86_64"]
      let run = try Child.run("/bin/sh", ["-c", "cd \"$0\" && exec \"$@\"", folder.path] + command + arguments)
      XCTAssertEqual(run.status, 1, arguments.joined(separator: " ") + String(decoding: run.error, as: UTF8.self))
      XCTAssertEqual(run.output, [])
    }
  }

  func testRealQEMUStartsThroughIt() throws {
    guard let qemu = Child.find("qemu-system-x86_64") else { throw XCTSkip("SKIPPED: qemu-system-x86_64 is not installed") }
    let version = try Vfiogate.run("run", "--", qemu, "--version")
    XCTAssert(version.output.hasPrefix("QEMU emulator version"), version.output + version.error)
    // QEMU itself is asked about its properties; this one knows neither iommufd nor ats when it is old.
    let run = try Vfiogate.run(
      "run", "--host", host, "--", qemu, "-nodefaults", "-display", "none", "-device", "vfio-pci,host=0000:7f:1f.7")
    XCTAssertEqual(run.status, 1, run.error)
    XCTAssert(run.error.contains("no such device") || run.error.contains("realize-fails"), run.error)
  }
}
