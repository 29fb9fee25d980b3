import Support
import XCTest

/// Unreadable is 2 with path and errno's text; malformed is a finding with its place, and 1.
final class BadInputTests: XCTestCase {
  func testAnUnreadableDefinition() throws {
    let run = try Vfiogate.run("lint", "/no/such/file", "--host", "none")
    XCTAssertEqual(run.status, 2)
    XCTAssertEqual(run.error, "vfiogate: /no/such/file: No such file or directory\n")
  }

  func testTheOtherDefinitionsAreJudgedAllTheSame() throws {
    let run = try Vfiogate.run(
      "lint", "/no/such/file", Vfiogate.example("server-radeon-ats.qemu"), "--host",
      Vfiogate.host("intel-no-device-tlb"))
    XCTAssertEqual(run.status, 2)
    XCTAssert(run.output.contains("error[ats-on-kernel-unsupported]"), run.output)
  }

  func testAnUnreadableRecording() throws {
    let example = Vfiogate.example("server-radeon-ats.qemu")
    let run = try Vfiogate.run("lint", example, "--host", "/no/such/host")
    XCTAssertEqual(run.status, 2)
    XCTAssertEqual(run.error, "vfiogate: /no/such/host: No such file or directory\n")
    let other = try Vfiogate.run("probe", "--host", example)
    XCTAssertEqual(other.status, 2)
    XCTAssert(other.error.hasPrefix("vfiogate: \(example)"), other.error)
    XCTAssert(other.error.contains("not a host recording"), other.error)
  }

  func testABadLineOfARecordingIsNamed() throws {
    let folder = try TemporaryDirectory()
    let path = folder.path + "/bad.host"
    try writeFile(path, "vfiogate-host-recording 1\nkernel-release 7.1.3\nnonsense here\n")
    let run = try Vfiogate.run("probe", "--host", path)
    XCTAssertEqual(run.status, 2)
    XCTAssertEqual(run.error, "vfiogate: \(path):3: unknown keyword `nonsense`\n")
  }

  func testMalformedArgumentsAreAFindingWithItsPlace() throws {
    let run = try Vfiogate.run("lint", "-", "--host", "none", input: "qemu-system-x86_64 \\\n  -device \"vfio-pci")
    XCTAssertEqual(run.status, 1)
    XCTAssert(run.output.hasPrefix("<stdin>:2:11: error[malformed-input]: "), run.output)
    XCTAssert(run.output.contains("\n<stdin>: unsafe with "), run.output)
  }

  func testMalformedJSONIsAFindingWithItsPlace() throws {
    let text = "{\"execute\": \"device_add\",\n \"arguments\": {\"driver\": vfio-pci}}"
    let run = try Vfiogate.run("lint", "-", "--input", "qmp", "--host", "none", input: text)
    XCTAssertEqual(run.status, 1)
    XCTAssert(run.output.hasPrefix("<stdin>:2:26: error[malformed-input]: "), run.output)
  }

  func testBytesThatAreNoTextDoNotCrash() throws {
    let bytes = (0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ $0 >> 3) }
    for format in ["shell", "lines", "nul", "qmp"] {
      let run = try Vfiogate.run(["lint", "-", "--input", format, "--host", "none"], input: bytes)
      XCTAssert([0, 1, 2].contains(run.status), "\(format): \(run.status)")
      XCTAssert((run.output + run.error).contains("<stdin>: ") || run.error.contains("-: not a definition"), "\(format): \(run)")
    }
  }
}
