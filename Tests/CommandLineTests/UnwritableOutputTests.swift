import Glibc
import Support
import XCTest

/// Standard output that cannot be written, in every subcommand and format.
final class UnwritableOutputTests: XCTestCase {
  private let host = Vfiogate.host("intel-no-device-tlb")
  private let definition = Vfiogate.example("server-radeon-ats.qemu")

  /// Commands that succeed and print something.
  private func commands() throws -> [[String]] {
    let lint = ["lint", definition, "--host", host, "--fail-on", "error", "--policy", "none"]
    let predict = ["predict", "--host", "0000:01:00.0"]
    var all: [[String]] = ["text", "json", "sarif", "github", "junit"].map { lint + ["--format", $0] }
    all.append(lint + ["--summary"])
    for format in ["text", "json"] {
      all.append(["lint", definition, "--host", Fixture.path("hosts"), "--format", format])
      all.append(predict + ["--format", format])
    }
    all += ["text", "json", "markdown"].map { ["predict", "--table", "--format", $0] }
    all += ["text", "json", "prometheus"].map { ["probe", "--host", host, "--format", $0] }
    all += [["probe", "0000:01:00.0", "--host", host], ["probe", "--host", host, "--record", "-"]]
    all += [["explain"], ["explain", "not-bound"], ["--help"], ["--version"], ["run", "--help"], ["help", "lint"]]
    all.append(["--generate-completion-script", "bash"])
    all.append(["hook", "kubevirt", "--vmi", "{}", "--domain", try Fixture.text("inputs/libvirt/no-passthrough.xml")])
    return all
  }

  private func shell(_ script: String, _ arguments: [String]) throws -> (status: Int32, error: String) {
    let run = try Child.run("/bin/sh", ["-c", script, try Child.built("vfiogate")] + arguments)
    return (run.status, String(decoding: run.error, as: UTF8.self))
  }

  func testAFullDeviceIsTwoWithTheReason() throws {
    for command in try commands() {
      let run = try shell("exec \"$0\" \"$@\" > /dev/full", command)
      XCTAssertEqual(run.status, 2, command.joined(separator: " "))
      XCTAssertEqual(run.error, "vfiogate: standard output: No space left on device\n", command.joined(separator: " "))
    }
  }

  func testAnInstallationIsMadeAndItsReportIsNotWritten() throws {
    let folder = try TemporaryDirectory()
    let run = try shell("exec \"$0\" \"$@\" > /dev/full", ["hook", "install", "--dir", folder.path])
    XCTAssertEqual(run.status, 2, run.error)
    XCTAssertEqual(access(folder.path + "/qemu.d/50-vfiogate", X_OK), 0)
  }

  /// A pipe whose reader is gone, as behind `| head`.
  func testAReaderThatIsGoneEndsItSilently() throws {
    for ignored in [false, true] {
      for command in try commands() {
        var ends: [Int32] = [-1, -1]
        XCTAssertEqual(pipe(&ends), 0)
        close(ends[0])
        defer { close(ends[1]) }
        let folder = try TemporaryDirectory()
        let script = (ignored ? "trap '' PIPE; " : "") + "exec \"$0\" \"$@\" 2> \(folder.path)/error"
        let child = try Child("/bin/sh", ["-c", script, try Child.built("vfiogate")] + command, output: ends[1])
        XCTAssertEqual(child.wait(), 128 + SIGPIPE, command.joined(separator: " "))
        XCTAssertEqual(try readFile(folder.path + "/error"), [], command.joined(separator: " "))
      }
    }
  }

  func testARecordingThatCannotBeWrittenIsTwoWithItsPath() throws {
    let run = try Vfiogate.run("probe", "--host", host, "--record", "/dev/full")
    XCTAssertEqual(run.status, 2)
    XCTAssertEqual(run.error, "vfiogate: /dev/full: No space left on device\n")
  }
}
