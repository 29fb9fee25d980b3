import Support
import XCTest

/// 0 nothing at or above the threshold, 1 findings, 2 could not look, 64 wrong usage.
final class ExitCodeTests: XCTestCase {
  private let safe = ["lint", Vfiogate.example("desktop-geforce.qemu"), "--host", Vfiogate.host("desktop-amd-geforce")]
  private let unsafe = [
    "lint", Vfiogate.example("server-radeon-ats.qemu"), "--host", Vfiogate.host("intel-no-device-tlb"),
  ]
  private let open = ["lint", Vfiogate.example("pod-gpu.qemu"), "--host", Vfiogate.host("container-partial-sys")]
  private let old = ["lint", "-", "--host", Vfiogate.host("pre71-vega")]
  private let warned = """
    qemu-system-x86_64 -machine q35 -object iommufd,id=i -device pcie-root-port,id=rp \
    -device vfio-pci,host=28:00.0,bus=rp,iommufd=i
    """

  private func assertStatus(_ arguments: [String], _ status: Int32, input: String = "", line: UInt = #line) throws {
    let run = try Vfiogate.run(arguments, input: Array(input.utf8))
    XCTAssertEqual(run.status, status, run.output + run.error, line: line)
  }

  func testTheThreeVerdicts() throws {
    try assertStatus(safe, 0)
    try assertStatus(unsafe, 1)
    try assertStatus(open, 2)
  }

  func testUndeterminedIsRefusedUnlessToldOtherwise() throws {
    try assertStatus(open + ["--on-unknown", "warn"], 0)
    try assertStatus(open + ["--on-unknown", "refuse"], 2)
    try assertStatus(["lint", Vfiogate.example("pod-gpu.qemu"), "--host", "none"], 0)
    try assertStatus(["lint", Vfiogate.example("pod-gpu.qemu"), "--host", "none", "--on-unknown", "refuse"], 2)
  }

  func testWarningsFailOnlyWhenAsked() throws {
    try assertStatus(old, 0, input: warned)
    try assertStatus(old + ["--fail-on", "warning"], 1, input: warned)
  }

  func testWrongUsageIs64() throws {
    for arguments in [
      ["--bogus"], ["bogus"], ["lint"], safe + ["--bogus"], safe + ["--fail-on", "sometimes"],
      safe + ["--qemu", "eleven"], safe + ["--format", "xml"], ["predict", "--ats", "on"],
      ["predict", "--ats", "maybe", "--host", "01:00.0"], ["probe", "not-an-address"], ["probe", "--bind"],
      ["explain", "no-such-rule"], ["probe", "--host", "none"], ["ready", "--host", "none"],
      ["proxy", "--listen", "l", "--qmp", "q", "--clients", "65"], ["proxy", "--listen", "l", "--qmp", "q", "--clients", "0"],
      ["topology", "--host", "none"], ["plan", "0000:01:00.0", "--for", "qemu", "--host", "none"],
    ] {
      let run = try Vfiogate.run(arguments)
      XCTAssertEqual(run.status, 64, "\(arguments): \(run.output)")
      XCTAssertNotEqual(run.error, "", "\(arguments) is refused without a word")
      XCTAssertEqual(run.output, "", "\(arguments)")
    }
  }

  /// The message has the word that was meant, wherever there are few choices.
  func testMisspeltWordsHaveAHint() throws {
    let host = Vfiogate.host("desktop-amd-geforce")
    for (arguments, hint) in [
      (["lint", "x", "--format", "jsn"], "`json`"), (["lint", "x", "--on-unknown", "wran"], "`warn`"),
      (["lint", "x", "--input", "xlm"], "`xml`"), (["probe", "--format", "jsom"], "`json`"),
      (["predict", "--backend", "iomufd"], "`iommufd`"), (["plan", "0a:00.0", "--for", "libvrt"], "`libvirt`"),
      (["topology", "--format", "sgv"], "`svg`"), (["explain", "NOT_BOUND"], "`not-bound`"), (["lnit"], "`lint`"),
      (["proxy", "--listen", "l", "--qmp", "q", "--profile", "untrsted"], "`untrusted`"),
      (["hook", "libvrt"], "`libvirt`"), (["help", "lnit"], "`lint`"), (["help", "hook", "instal"], "`install`"),
      (["ready", "0a:00:0"], "0000:0a:00.0"), (["probe", "pci_0000_0a_00_0"], "0000:0a:00.0"),
      (["ready", "0a:00.3", "--host", host], "0000:0a:00.0 or 0000:0a:00.1"),
      (["plan", "0a:00.3", "--for", "qemu", "--host", host], "0000:0a:00.0 or"),
      (["topology", "0a:00.0", "0e:00.1", "--host", host], "0000:0e:00.0"), (["probe", "0b:00.0", "--host", host], "0000:0a:00.0"),
    ] {
      let run = try Vfiogate.run(arguments)
      XCTAssertNotEqual(run.status, 0)
      XCTAssert(run.error.contains("did you mean \(hint)"), run.error)
    }
    for arguments in [["lint", "x", "--format", "nope"], ["nope"], ["hook", "nope"]] {
      XCTAssertFalse(try Vfiogate.run(arguments).error.contains("did you mean"), "\(arguments)")
    }
  }

  func testHelpAndVersionAreClean() throws {
    try assertStatus(["--help"], 0)
    try assertStatus(["--version"], 0)
    for command in ["lint", "predict", "probe", "explain"] { try assertStatus([command, "--help"], 0) }
  }
}
