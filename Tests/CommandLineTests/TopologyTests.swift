import Support
import Syntax
import XCTest

/// `topology`, `probe --diff` and `--root` as a user runs them.
final class TopologyTests: XCTestCase {
  func testThePictureHasEveryDeviceInEveryFormat() throws {
    for host in ["recorded-q35-amd", "grace-gb200", "sriov-e810"] {
      let path = Vfiogate.host(host)
      let devices = try Vfiogate.run("probe", "--host", path, "--format", "json").json["devices"]?.array ?? []
      XCTAssertGreaterThan(devices.count, 3)
      for format in ["text", "dot", "svg"] {
        let run = try Vfiogate.run("topology", "--host", path, "--format", format)
        XCTAssertEqual(run.status, 0, run.error)
        for device in devices {
          let address = try XCTUnwrap(device["address"]?.string)
          XCTAssert(run.output.contains(address), "\(host) \(format): no \(address)")
        }
        if format == "svg" { XCTAssertNoThrow(try XMLTree.parse(Array(run.output.utf8)), host) }
      }
    }
  }

  func testPathsAreATable() throws {
    let path = Vfiogate.host("recorded-q35-amd")
    let run = try Vfiogate.run("topology", "0000:06:00.0", "0000:06:00.1", "0000:01:00.0", "--host", path)
    XCTAssertEqual(run.status, 0, run.output + run.error)
    let rows = run.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    XCTAssertEqual(rows[1], ["0000:06:00.0", "X", "PIX", "PHB"])
    XCTAssertEqual(try Vfiogate.run("topology", "0000:06:00.0", "--host", path).status, 64)
    // Nothing is known about its bridges.
    let partial = try Vfiogate.run("topology", "0000:27:00.0", "0000:7f:00.0", "--host", Vfiogate.host("intel-server-ats"))
    XCTAssertEqual(partial.status, 2)
  }

  func testADiffNamesTheChangesAndTheGuestsThatNoLongerStart() throws {
    let folder = try TemporaryDirectory()
    let old = Vfiogate.host("desktop-amd-geforce"), new = folder.path + "/new.host"
    let text = try Fixture.text("hosts/desktop-amd-geforce.host")
    let changed = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      line == "0000:0a:00.1 driver vfio-pci" ? "0000:0a:00.1 driver snd_hda_intel"
        : line == "0000:0a:00.1 cdev vfio1" ? "0000:0a:00.1 cdev none" : String(line)
    }.filter { !$0.hasPrefix("0000:0a:00.1 cdev-node") && !$0.hasPrefix("0000:0a:00.1 cdev-number") }
    try writeFile(new, changed.joined(separator: "\n"))
    let same = try Vfiogate.run("probe", "--diff", old, old)
    XCTAssertEqual([same.output, "\(same.status)"], ["no changes\n", "0"])
    let diff = try Vfiogate.run("probe", "--diff", old, new)
    XCTAssertEqual(diff.output, "~ 0000:0a:00.1 driver: vfio-pci -> snd_hda_intel\n", diff.error)
    XCTAssertEqual(diff.status, 0)
    let guests = try Vfiogate.run(
      "probe", "--diff", old, new, "--definitions", Vfiogate.example("desktop-geforce.qemu"), "--format", "json")
    XCTAssertEqual(guests.status, 1, guests.output + guests.error)
    let guest = try XCTUnwrap(guests.json["definitions"]?.array?.first)
    XCTAssertEqual(guest["old"], .string("safe"))
    XCTAssertEqual(guest["new"], .string("unsafe"))
    XCTAssertEqual(try guests.json["qemu-assumed"], .bool(true))
    let named = try Vfiogate.run(
      "probe", "--diff", old, new, "--definitions", Vfiogate.example("desktop-geforce.qemu"), "--qemu", "11.1")
    XCTAssert(named.output.hasSuffix("\n1 definition: 1 with another verdict; with QEMU 11.1 as released\n"), named.output)
    XCTAssertEqual(try Vfiogate.run("probe", "--diff", old, new, "--qemu", "10.0").status, 64)
    XCTAssertEqual(try Vfiogate.run("probe", "--diff", old).status, 64)
    XCTAssertEqual(try Vfiogate.run("probe", "--definitions", old).status, 64)
    XCTAssertEqual(try Vfiogate.run("probe", "--diff", old, folder.path + "/none.host").status, 2)
  }

  /// A device that has moved is one change, and not a loss and a gain.
  func testADeviceThatMovedIsNamedSo() throws {
    let folder = try TemporaryDirectory()
    let text = try Fixture.text("hosts/desktop-amd-geforce.host")
    let moved = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      line.split(separator: " ", omittingEmptySubsequences: false).map { $0 == "0000:0e:00.0" ? "0000:0f:00.0" : $0 }
        .joined(separator: " ")
    }
    try writeFile(folder.path + "/new.host", moved.joined(separator: "\n"))
    let diff = try Vfiogate.run("probe", "--diff", Vfiogate.host("desktop-amd-geforce"), folder.path + "/new.host")
    XCTAssert(diff.output.contains("> 0000:0e:00.0 is now 0000:0f:00.0"), diff.output)
    XCTAssertFalse(diff.output.contains("\n- "), diff.output)
  }

  /// Files below a folder, of which most are missing: a fact that is not there is unknown, and this machine's own are not used.
  func testARootIsReadBelowItsFolder() throws {
    let folder = try TemporaryDirectory()
    let device = folder.path + "/sys/bus/pci/devices/0000:01:00.0"
    XCTAssertEqual(try Child.run("/bin/mkdir", ["-p", device, folder.path + "/proc/sys/kernel"]).status, 0)
    try writeFile(folder.path + "/proc/sys/kernel/osrelease", "9.9.9-archive\n")
    for (name, value) in [("vendor", "0x10de"), ("device", "0x2204"), ("class", "0x030000")] {
      try writeFile("\(device)/\(name)", value + "\n")
    }
    let json = try Vfiogate.run("probe", "--root", folder.path, "--format", "json").json
    XCTAssertEqual(json["kernel-release"], .string("9.9.9-archive"))
    XCTAssertNotNil(json["user"]?["unknown"])
    XCTAssertNotNil(json["memlock"]?["unknown"] ?? (json["memlock"] == "undetermined" ? .null : nil))
    XCTAssertEqual(json["devices"]?.array?.count, 1)
    XCTAssertNotNil(json["devices"]?.array?.first?["driver"]?["unknown"])
    XCTAssertEqual(try Vfiogate.run("probe", "--root", folder.path, "--host", "none").status, 64)
    let absent = try Vfiogate.run("ready", "--root", folder.path + "/absent")
    XCTAssertEqual(absent.status, 2)
    XCTAssertEqual(absent.error, "vfiogate: \(folder.path)/absent: No such file or directory\n")
    XCTAssertEqual(try Vfiogate.run("ready", "0000:01:00.0", "--root", folder.path).status, 2)
  }
}
