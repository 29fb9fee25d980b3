import Glibc
import Support
import Syntax
import XCTest

/// `probe --config` on an image and on what lspci prints of the same function.
final class ProbeTests: XCTestCase {
  /// An Express endpoint whose ATS capability at 0x100 has queue depth 8 and is enabled.
  private var image: [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 4096)
    bytes.replaceSubrange(0..<8, with: [0xde, 0x10, 0x04, 0x22, 0x06, 0x04, 0x10, 0x00])
    bytes.replaceSubrange(0x34..<0x35, with: [0x40])
    bytes.replaceSubrange(0x40..<0x44, with: [0x10, 0x00, 0x02, 0x00])
    bytes.replaceSubrange(0x100..<0x108, with: [0x0f, 0x00, 0x01, 0x00, 0x28, 0x00, 0x00, 0x80])
    return bytes
  }

  private var listing: String {
    func hex(_ number: Int, _ digits: Int) -> String {
      let text = String(number, radix: 16)
      return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }
    let rows = stride(from: 0, to: image.count, by: 16).map { at in
      hex(at, 2) + ":" + image[at..<at + 16].map { " " + hex(Int($0), 2) }.joined()
    }
    return "01:00.0 VGA compatible controller: Example\n" + rows.joined(separator: "\n") + "\n"
  }

  /// No device is shown where they could not be listed, which is not the same as a host without any.
  func testDevicesThatCouldNotBeListedAreNotAbsent() throws {
    let folder = try TemporaryDirectory()
    for arguments in [["probe"], ["probe", "--format", "json"], ["probe", "--format", "prometheus"], ["topology"]] {
      let run = try Vfiogate.run(arguments + ["--root", folder.path])
      XCTAssertEqual(run.status, 2, "\(arguments)")
      XCTAssertEqual(run.error, "vfiogate: list of PCI functions: /sys/bus/pci: No such file or directory\n", "\(arguments)")
    }
    XCTAssert(try Vfiogate.run("probe", "--root", folder.path).output.contains("devices:        unknown (/sys/bus/pci: No such file"))
    let lint = try Vfiogate.run("lint", Vfiogate.example("server-radeon-ats.qemu"), "--root", folder.path)
    XCTAssert(lint.output.contains("decided by: a newer recording: `vfiogate probe --record FILE` on the host itself"), lint.output)
  }

  func testAnImageAndItsListingSayTheSame() throws {
    let raw = try Vfiogate.run(["probe", "--config", "-"], input: image)
    XCTAssertEqual(raw.status, 0, raw.error)
    XCTAssert(raw.output.contains("10de:2204"), raw.output)
    let text = try Vfiogate.run("probe", "--config", "-", input: listing)
    XCTAssertEqual(text.status, 0, text.error)
    // The first line names the image, or the function that lspci named.
    let bodies = [raw, text].map { $0.output.split(separator: "\n").dropFirst().joined(separator: "\n") }
    XCTAssertEqual(bodies[0], bodies[1])
    XCTAssert(bodies[0].contains("ATS"), bodies[0])
  }

  func testAShortImageLeavesATSUnknown() throws {
    let run = try Vfiogate.run(["probe", "--config", "-"], input: Array(image.prefix(64)))
    XCTAssertEqual(run.status, 0, run.error)
    XCTAssert(run.output.contains("ATS: unknown"), run.output)
  }

  func testWhatIsNoDumpIsAFinding() throws {
    let run = try Vfiogate.run("probe", "--config", "-", input: "nothing of the kind\n")
    XCTAssertEqual(run.status, 1)
    XCTAssert(run.error.contains("error[malformed-input]"), run.error)
  }

  func testARecordingOfARecordingIsTheSame() throws {
    let path = Vfiogate.host("grace-gb200")
    let once = try Vfiogate.run("probe", "--host", path, "--record", "-")
    XCTAssertEqual(once.status, 0, once.error)
    let folder = try TemporaryDirectory()
    try writeFile(folder.path + "/again.host", once.output)
    let twice = try Vfiogate.run("probe", "--host", folder.path + "/again.host", "--record", "-")
    XCTAssertEqual(once.output, twice.output)
  }

  func testThisHostCanBeLookedAtByAnyone() throws {
    let run = try Vfiogate.run("probe")
    XCTAssertEqual(run.status, 0, run.error)
    XCTAssertNotEqual(run.output, "")
  }

  func testAHostInJSONHasNoKeyTwice() throws {
    // The parser is strict: it refuses duplicates.
    for name in try Fixture.names(in: "hosts") where name.hasSuffix(".host") {
      let run = try Vfiogate.run("probe", "--host", Fixture.path("hosts/" + name), "--format", "json")
      XCTAssertNoThrow(try run.json, name)
    }
  }

  func testMetricsAreWhatPromtoolAccepts() throws {
    let fetched = Fixture.path("../.build/tools/usr/bin/promtool")
    guard let promtool = access(fetched, X_OK) == 0 ? fetched : Child.find("promtool") else {
      throw XCTSkip("SKIPPED: promtool is not here; `scripts/setup --promtool` fetches it")
    }
    for name in try Fixture.names(in: "hosts") where name.hasSuffix(".host") {
      let run = try Vfiogate.run("probe", "--host", Fixture.path("hosts/" + name), "--format", "prometheus")
      XCTAssertEqual(run.status, 0, run.error)
      let check = try Child.run(promtool, ["check", "metrics"], input: Array(run.output.utf8))
      XCTAssertEqual(check.status, 0, name + ": " + String(decoding: check.output + check.error, as: UTF8.self))
    }
  }

  func testWhatIsNotKnownHasNoSample() throws {
    let folder = try TemporaryDirectory()
    let lines = try Fixture.text("hosts/grace-gb200.host").split(separator: "\n", omittingEmptySubsequences: false)
    let address = "0008:01:00.0"
    let blind = lines.filter { !$0.hasPrefix("\(address) config") }
    XCTAssertLessThan(blind.count, lines.count)
    try writeFile(folder.path + "/blind.host", blind.joined(separator: "\n"))
    let run = try Vfiogate.run("probe", "--host", folder.path + "/blind.host", "--format", "prometheus")
    XCTAssertEqual(run.status, 0, run.error)
    XCTAssertFalse(run.output.contains("vfiogate_device_ats_capability{address=\"\(address)\"}"), run.output)
    XCTAssert(
      run.output.contains("vfiogate_unknown{address=\"\(address)\",fact=\"ats-capability\"} 1"), run.output)
  }

  /// The kernel is not queried for a device without a vfio driver, and is left alone.
  func testADeviceThatCannotBeBoundIsTwoAndTheRestIsShown() throws {
    let path = "/sys/bus/pci/devices/0000:00:00.0"
    guard access(path, F_OK) == 0, access(path + "/driver", F_OK) != 0 else {
      throw XCTSkip("SKIPPED: this machine has no PCI function 0000:00:00.0 without a driver")
    }
    let run = try Vfiogate.run("probe", "--bind", "0000:00:00.0")
    XCTAssertEqual(run.status, 2)
    XCTAssert(run.output.hasPrefix("0000:00:00.0"), run.output)
    XCTAssertEqual(
      run.error, "vfiogate: kernel's ATS flag for 0000:00:00.0: 0000:00:00.0 has no driver; vfio-pci is needed\n")
  }

  /// The members of a group are below its title, and every line fits the terminal.
  func testDevicesAreShownByGroupWithNamesInTheTerminalsWidth() throws {
    for columns in [80, 120] {
      let run = try Vfiogate.run(["probe", "--host", Vfiogate.host("desktop-amd-geforce")], columns: columns)
      XCTAssertEqual(run.status, 0, run.error)
      let blocks = run.output.split(separator: "\n\n")
      let group = try XCTUnwrap(blocks.first { $0.hasPrefix("IOMMU group 23\n") }, run.output)
      let words = group.split(whereSeparator: { $0 == " " || $0 == "\n" }).joined(separator: " ")
      XCTAssertEqual(
        words,
        "IOMMU group 23 0000:0a:00.0 VGA compatible controller: NVIDIA Corporation GA102 [GeForce RTX 3090] [10de:2204] "
          + "driver vfio-pci, reset flr bus, regions 16M 256M 32M 128 ROM 512K, no ATS, kernel ATS not supported "
          + "0000:0a:00.1 Audio device: NVIDIA Corporation GA102 High Definition Audio Controller [10de:1aef] "
          + "driver vfio-pci, reset bus, regions 16K, no ATS, kernel ATS not supported")
      for line in run.output.split(separator: "\n") { XCTAssertLessThanOrEqual(line.count, columns, String(line)) }
    }
  }

  /// Without names the ids and the class remain, and an unknown fact is called unknown.
  func testWithoutNamesTheIdsAreShown() throws {
    let folder = try TemporaryDirectory()
    let lines = try Fixture.text("hosts/desktop-amd-geforce.host").split(separator: "\n", omittingEmptySubsequences: false)
    let kept = lines.filter { !$0.contains("-name ") && !$0.hasPrefix("0000:0a:00.0 driver ") }
    try writeFile(folder.path + "/plain.host", kept.joined(separator: "\n"))
    let run = try Vfiogate.run("probe", "--host", folder.path + "/plain.host")
    XCTAssert(run.output.contains("  0000:0a:00.0  class 030000 [10de:2204]\n                driver unknown, "), run.output)
    XCTAssert(run.output.hasSuffix("\nunknown: name the device for the reason\n"), run.output)
  }

  func testJSONHasNumbersAsNumbersAndListsAsLists() throws {
    let run = try Vfiogate.run("probe", "--host", Vfiogate.host("sriov-e810"), "--format", "json")
    let devices = try XCTUnwrap(run.json["devices"]?.array)
    let device = try XCTUnwrap(devices.first { $0["address"]?.string == "0000:3b:01.1" })
    XCTAssertEqual(device["iommu-group"], .integer(61))
    XCTAssertEqual(device["iommu-group-members"], .array([.string("0000:3b:01.1")]))
    XCTAssertEqual(device["boot-vga"], .null)
    XCTAssertEqual(device["device-name"], .string("Ethernet Adaptive Virtual Function"))
    let user = try XCTUnwrap(device["in-use-by"]?.array?.first)
    XCTAssertEqual(user["pid"], .integer(41877))
    XCTAssertEqual(user["name"], .string("qemu-system-x86"))
    guard case .integer? = device["region-sizes"]?.array?.first else { return XCTFail("\(device)") }
    let port = try XCTUnwrap(devices.first { $0["address"]?.string == "0000:3b:00.0" })
    XCTAssertEqual(port["host-uses-it-for"]?.array?.first?["kind"], .string("address"))
  }
}
