import Facts
import Host
import XCTest

/// /proc/interrupts as Linux prints it: counts, the chip, the pin and the handlers.
final class LiveInterruptsTests: XCTestCase {
  private func isolated(_ lines: String...) throws -> Known<Bool> {
    let tree = try FixtureTree()
    tree.directory("/proc")
    tree.file("/proc/interrupts", "            CPU0       CPU1\n" + lines.map { $0 + "\n" }.joined())
    return Host.live(root: tree.root).interruptsIsolated
  }

  // The lines below are a VT-d machine's and an AMD machine's own, Linux 7.3.4.

  func testWhatVTdRemapsIsIsolatedThoughItsOwnFaultInterruptIsNot() throws {
    XCTAssertEqual(
      try isolated(
        "   4:          0          2  IR-IO-APIC                  4-edge      ttyS0",
        "  24:          0          0  DMAR-MSI                    0-edge      dmar0",
        "  25:          0          0  IR-PCI-MSIX-0000:00:10.0    0-edge      PCIe bwctrl"), .known(true))
  }

  func testWithoutRemappingNothingIsIsolated() throws {
    XCTAssertEqual(
      try isolated(
        "   4:          0          2  IO-APIC                  4-edge      ttyS0",
        "  24:          0          0  IOMMU-MSI              368-edge      AMD-Vi0-Evt",
        "  27:          0          0  PCI-MSIX-0000:00:10.0    0-edge      PCIe bwctrl"), .known(false))
  }

  func testTheIOMMUsOwnInterruptAloneTellsNothing() throws {
    XCTAssertFalse(try isolated("  24:          0          0  DMAR-MSI                    0-edge      dmar0").isKnown)
    XCTAssertFalse(try isolated("  24:          0          0  IOMMU-MSI              368-edge      AMD-Vi0-Evt").isKnown)
  }
}
