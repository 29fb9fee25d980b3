import Facts
import Glibc
import Inputs
import Support
import Syntax
import XCTest

@testable import Inputs

/// The net under all readers: text that looks like a device is read, or makes the definition unknown.
final class DeviceMentionsTests: XCTestCase {
  private func mentions(_ text: String) -> [String] {
    let bytes = Array(text.utf8)
    return DeviceMentions.all(in: bytes).map { String(decoding: bytes[$0], as: UTF8.self) }
  }

  func testDevicesAreFoundInEverySpelling() {
    for text in [
      "-device vfio-pci,host=01:00.0", "-device 'vfio-pci,host=01:00.0'", "DEV=vfio-pci,host=$1", "\"vfio-pci-nohotplug,ramfb=on\"",
      "{\"driver\":\"vfio-pci\"}", "{\"driver\": \"vfio-pci\", \"id\": 1}", "{'driver': 'vfio-pci'}", "{\\\"driver\\\":\\\"vfio-pci\\\"}",
      "driver = \"vfio-pci\"", "driver=vfio-pci", "-device vfio-pci", "device_add vfio-pci", "sysfsdev=/sys/x", "<hostdev mode='x'>",
      "<hostdev>", "hostpci0: 01:00", "hostpci15: 01:00", "-device\", \"vfio-pci", "- -device\n- vfio-pci,host=01:00.0"
    ] {
      XCTAssertEqual(mentions(text).count, 1, text)
    }
  }

  func testHostSetUpAndCommentsAreNone() {
    for text in [
      "modprobe vfio-pci", "echo vfio-pci > driver_override", "options vfio-pci ids=10de:2941", "vfio-pci.ids=10de:2941",
      "MODULES=(vfio vfio-pci)", "MODULES=vfio,vfio-pci,kvm", "# -device vfio-pci,host=01:00.0", "x # vfio-pci,host=1",
      "<!-- <hostdev> -->", "<a><!-- vfio-pci,host --></a>", "/sys/bus/pci/drivers/vfio-pci", "softdep amdgpu pre: vfio-pci",
      "<hostdevs>", "hostpci: x", "lsmod | grep vfio-pci", "driver_override=vfio-pci"
    ] {
      XCTAssertEqual(mentions(text), [], text)
    }
  }

  private func places(_ parsed: ParsedInput) -> [Location] {
    var places: [Location] = parsed.machine.devices.map(\.location) + parsed.plugs.map(\.location)
    places += parsed.machine.options.map(\.location) + parsed.machine.globals.map(\.location)
    places += parsed.machine.objects.map(\.location) + parsed.machine.machine.map(\.location)
    places += parsed.machine.sets.map(\.location) + parsed.readElements
    return places + (parsed.machine.libvirt?.nonQEMUDevices ?? [])
  }

  /// Every fixture that is read, with a byte or a line changed, removed or moved: a mention that no place covers makes
  /// the definition incomplete in the eyes of `malformed-input`, and never crashes. `scripts/test --long` does it longer.
  func testNoDamageHidesADevice() throws {
    var random = SeededGenerator(seed: 14)
    let rounds = getenv("VFIOGATE_LONG") == nil ? 3000 : 100_000
    let texts = try Fixture.names(in: "inputs/kinds").map { try Fixture.bytes("inputs/kinds/\($0)") }
    XCTAssertGreaterThan(texts.count, 5)
    for round in 0..<rounds {
      var bytes = texts[round % texts.count]
      for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
        let at = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes[at] = UInt8.random(in: 1...255, using: &random)
        case 1: bytes.remove(at: at)
        case 2: bytes.insert(contentsOf: Array(" \n#\"'`$\\;".utf8).shuffled(using: &random).prefix(1), at: at)
        default: bytes.removeSubrange(at..<min(bytes.count, at + Int.random(in: 1...40, using: &random)))
        }
      }
      let source = SourceText(name: "damaged", bytes: bytes)
      let all = Array(ParsedInputs(source))
      let isOpen = all.contains { $0.unrecognised != nil || !$0.problems.isEmpty || !$0.machine.unreadParts.isEmpty }
      if isOpen { continue }
      let places = all.flatMap(places)
      // Snapshots of a machine of Proxmox do not start.
      let end = texts[round % texts.count].starts(with: "# the%20".utf8) ? bytes.firstIndex(of: UInt8(ascii: "[")) : nil
      for mention in DeviceMentions.all(in: source.bytes) where mention.lowerBound < end ?? bytes.count {
        let isCovered = places.contains { $0.range?.contains(mention.lowerBound) == true }
        XCTAssert(isCovered, "round \(round): \(mention) in \(String(decoding: bytes, as: UTF8.self).debugDescription)")
      }
    }
  }
}
