import Support
import Syntax
import XCTest

/// `--qemu PATH` with the distribution's QEMU: what it says about itself decides.
final class RealQEMULintTests: XCTestCase {
  private func program() throws -> String {
    guard let path = Child.find("qemu-system-x86_64") else {
      throw XCTSkip("SKIPPED: qemu-system-x86_64 is not installed, so no real QEMU was asked")
    }
    return path
  }

  /// Asks the QEMU itself, without vfiogate, whether it has the property.
  private func hasATS(_ path: String) throws -> Bool {
    let (_, output, _) = try Child.run(path, ["-device", "vfio-pci,help"])
    return String(decoding: output, as: UTF8.self).contains("  ats=")
  }

  func testTheQEMUThatIsNamedIsAskedForATS() throws {
    let path = try program()
    let asked = [
      "lint", Vfiogate.example("server-radeon-ats.qemu"), "--host", Vfiogate.host("intel-no-device-tlb"), "--qemu", path,
    ]
    let run = try Vfiogate.run(asked)
    XCTAssertEqual(run.status, 1, run.error)
    let isRefused = run.output.contains("error[ats-prop-unsupported-by-qemu]")
    XCTAssertEqual(isRefused, !(try hasATS(path)), run.output)
    let named = try Vfiogate.run(asked + ["--format", "json"]).json["definitions"]?.array?.first?["qemu"]?.string ?? ""
    XCTAssert(named.contains(path), "the QEMU that was asked is not named: \(named)")
  }

  func testTheFeaturelessGuestIsJudgedBehaviourNone() throws {
    let path = try program()
    guard !(try hasATS(path)) else {
      throw XCTSkip("SKIPPED: \(path) has the ats property, so nothing without it was tried")
    }
    let line = "qemu-system-x86_64 -machine q35 -device pcie-root-port,id=rp -device vfio-pci,host=01:00.0,bus=rp"
    let json = try Vfiogate.run(
      "lint", "-", "--host", Vfiogate.host("intel-no-device-tlb"), "--qemu", path, "--format", "json", input: line
    ).json
    let device = json["definitions"]?.array?.first?["devices"]?.array?.first
    XCTAssertEqual(device?["warnings"]?.array?.count, 0)
  }

  func testAQEMUThatCannotBeStartedIs2() throws {
    let example = Vfiogate.example("server-radeon-ats.qemu")
    let missing = try Vfiogate.run("lint", example, "--host", "none", "--qemu", "/no/such/qemu")
    XCTAssertEqual(missing.status, 2)
    XCTAssert(missing.error.contains("/no/such/qemu: cannot run: No such file or directory"), missing.error)
    let other = try Vfiogate.run("lint", example, "--host", "none", "--qemu", "/bin/false")
    XCTAssertEqual(other.status, 2, other.output)
    XCTAssert(other.error.contains("/bin/false"), other.error)
    let socket = try Vfiogate.run("lint", example, "--host", "none", "--qemu", "qmp:/no/such/socket")
    XCTAssertEqual(socket.status, 2)
    XCTAssert(socket.error.contains("/no/such/socket"), socket.error)
  }
}
