import Facts
import Glibc
import Support
import XCTest

@testable import Inputs
@testable import Syntax

/// The installed libvirt's command lines for the same domains.
final class RealLibvirtTests: XCTestCase {
  /// Fixtures that libvirt 9.0 and QEMU 7.2, Debian 12's, accept.
  private static let names = ["gpu-with-audio", "vt-d", "overrides", "addresses-left-to-libvirt"]

  func testDevicesAreThoseThatLibvirtGivesToQEMU() throws {
    let folder = try TemporaryDirectory()
    let files = try RealLibvirtTests.names.map { name in
      let file = "\(folder.path)/\(name).xml"
      try writeFile(file, try plain(try Fixture.text("inputs/libvirt/\(name).xml")))
      return file
    }
    let run = try Child.run(Fixture.path("../scripts/libvirt-options"), files)
    let text = String(decoding: run.output, as: UTF8.self)
    guard run.status == 0 else {
      throw XCTSkip("SKIPPED: \(String(decoding: run.error, as: UTF8.self).split(separator: "\n").first ?? "")")
    }
    for (name, file) in zip(RealLibvirtTests.names, files) {
      let mine = try XCTUnwrap(answer(to: file, in: text), "no answer to \(file)")
      XCTAssertTrue(mine.hasPrefix("LC_ALL="), "\(name): \(mine)")
      let theirs = ParsedInput.parse(SourceText(name: name, bytes: Array(mine.utf8)), as: .shell).machine
      let parsed = ParsedInput.parse(SourceText(name: name, bytes: try readFile(file)), as: .xml)
      compare(parsed.machine, theirs, name)
    }
  }

  /// The line after the file's.
  private func answer(to file: String, in text: String) -> Substring? {
    let lines = text.split(separator: "\n")
    return lines.firstIndex { $0 == "== \(file)" }.flatMap { lines.indices.contains($0 + 1) ? lines[$0 + 1] : nil }
  }

  /// Every property that was lowered is libvirt's too, and of vfio devices there are no others.
  private func compare(_ ours: MachineConfig, _ theirs: MachineConfig, _ name: String) {
    for device in ours.devices {
      let other = theirs.devices.first { $0.id == device.id && $0.driver == device.driver }
      guard let other else {
        XCTFail("\(name): libvirt has no \(device.driver ?? "") with the id \(device.id ?? "")")
        continue
      }
      for property in device.properties {
        if case .unknown = property.value { continue }
        XCTAssertEqual(other.property(property.name)?.value, property.value, "\(name): \(property.name) of \(device.id ?? "")")
      }
      guard device.isVFIO else { continue }
      XCTAssertEqual(Set(device.properties.map(\.name)).union(["bus", "addr"]), Set(other.properties.map(\.name)), name)
    }
    XCTAssertEqual(ours.devices.filter(\.isVFIO).map(\.id), theirs.devices.filter(\.isVFIO).map(\.id))
    XCTAssertEqual(ours.globals.map(\.property), theirs.globals.map(\.property).filter { $0 != "noreboot" })
  }

  /// Without what libvirt can only do as a daemon on a host with KVM; it makes no other devices.
  private func plain(_ text: String) throws -> String {
    let bytes = Array(text.utf8)
    let root = try XMLTree.parse(bytes).root
    var cuts = root.children.filter { ["cpu", "features", "memtune"].contains($0.name) && $0.child("ioapic")?["driver"]?.value != "qemu" }
      .map(\.range)
    cuts += try XCTUnwrap(root.child("devices")).children.filter { $0.name == "interface" }.map(\.range)
    var rest = bytes
    for cut in cuts.sorted(by: { $0.lowerBound > $1.lowerBound }) { rest.removeSubrange(cut) }
    if let type = root["type"] { rest.replaceSubrange(type.valueRange, with: "qemu".utf8) }
    return String(decoding: rest, as: UTF8.self)
  }
}
