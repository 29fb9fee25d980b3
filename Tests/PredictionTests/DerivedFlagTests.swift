import Facts
import Host
import Prediction
import Support
import Syntax
import XCTest

/// The flag that is derived without binding a device, against the flag that the kernel gave: never another one.
final class DerivedFlagTests: XCTestCase {
  /// The flag of the device as if it had not been bound.
  private func derived(_ device: HostDevice, on host: Facts.Host) -> Bool? {
    var host = host
    var device = device
    device.boundATSNotSupported = .unknown("kernel's ATS flag", "forgotten")
    host.devices[device.address] = device
    return KernelATS.flagSet(device, on: host).display
  }

  /// What Linux 7.3.4 answered behind an emulated SMMUv3 (Fixtures/realizes/arm-smmuv3-flags.jsonl), by device tree and by
  /// IORT, with and without IDR0.ATS.
  func testNoVariantOfAnArmHostIsContradicted() throws {
    let recorded = try HostRecording.load(Fixture.path("realizes/arm-smmuv3.host"))
    let unit = "smmu3.0x0000000009050000"
    var clear = 0
    var decided = 0
    for line in try Fixture.text("realizes/arm-smmuv3-flags.jsonl").split(separator: "\n") {
      let row = try JSON.parse(String(line))
      func word(_ name: String) -> String { row[name]?.string ?? "" }
      guard case .bool(let bound)? = row["ats-not-supported"], let address = PCIAddress(word("host"))
      else { return XCTFail(row.text()) }
      let facts = [
        "iommu \(unit) idr \(word("idr"))", "iommu \(unit) iidr \(word("iidr"))", "iommu \(unit) aidr \(word("aidr"))",
        "\(address) root-complex \(word("root-complex"))", "kernel-config CONFIG_PCI_ATS y",
      ]
      // Every choice of these facts that a host could show.
      for choice in 0..<1 << facts.count {
        let chosen = facts.indices.filter { choice >> $0 & 1 == 1 }.map { facts[$0] }
        let lines = ["vfiogate-host-recording 1", "iommus \(unit)"] + chosen
        let part = try HostRecording.parse(Array(lines.joined(separator: "\n").utf8), source: "test")
        var host = recorded
        host.kernelCommandLine = host.kernelCommandLine.map { "\($0) \(word("command-line"))" }
        host.iommus = part.iommus
        host.kernelConfig = part.kernelConfig
        var device = try XCTUnwrap(host.devices[address])
        if let complex = part.devices[address]?.rootComplex { device.rootComplex = complex }
        guard let flag = derived(device, on: host) else {
          // With all facts, only the firmware that was not noted leaves it open.
          XCTAssertTrue(chosen.count < facts.count || word("root-complex").hasPrefix("?"), "\(row.text()): \(chosen)")
          continue
        }
        XCTAssertEqual(flag, bound, "\(row.text()): \(chosen)")
        decided += 1
        if !flag { clear += 1 }
      }
    }
    XCTAssertGreaterThan(decided, 500)
    XCTAssertGreaterThan(clear, 0)
  }

  func testNoRecordedHostIsContradicted() throws {
    var known = 0
    for name in try FileManager.default.contentsOfDirectory(atPath: Fixture.path("hosts")) where name.hasSuffix(".host") {
      let host = try HostRecording.load(Fixture.path("hosts/\(name)"))
      for device in host.devices.values {
        guard case .known(let bound) = device.boundATSNotSupported, let flag = derived(device, on: host) else { continue }
        XCTAssertEqual(flag, bound, "\(name): \(device.address)")
        known += 1
      }
    }
    XCTAssertGreaterThan(known, 0)
  }

  func testNoVariantOfTheLabIsContradicted() throws {
    var known = 0
    for variant in ["intel", "intel-no-device-tlb", "intel-noats", "intel-39-bits", "intel-first-stage", "amd", "virtio"] {
      // Where the trial replaced sysfs, the facts are not those of the bound device.
      for row in try LabRow.rows(variant) where !row.lines("setup").contains(where: { $0.hasPrefix("shadow") }) {
        let host = row.host
        for device in host.devices.values {
          guard case .known(let bound) = device.boundATSNotSupported, let flag = derived(device, on: host) else { continue }
          XCTAssertEqual(flag, bound, "\(variant): \(row.name): \(device.address)")
          known += 1
        }
      }
    }
    XCTAssertGreaterThan(known, 100)
  }
}
