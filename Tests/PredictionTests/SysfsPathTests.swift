import Facts
import Prediction
import XCTest

/// Paths of `sysfsdev` as the kernel has them: the folder of a function, and links to it. In `/sys/bus/pci/devices` all are links.
final class SysfsPathTests: XCTestCase {
  private let one = "0000:01:00.0"

  private func realize(_ path: String) -> RealizePrediction? {
    let machine = Machines.parse("qemu-system-x86_64 -M q35 -nodefaults -device vfio-pci,sysfsdev=\(path)").machine
    return Predictor(machine, on: Machines.host(), qemu: .released(11, 1, "11.1.3")).predictions().last
  }

  private func check(_ path: String, _ expected: RealizePrediction.Realize, line: UInt = #line) {
    let found = realize(path)
    XCTAssertEqual(found?.realize, expected, path, line: line)
    guard expected == .fails else { return }
    XCTAssertEqual(found?.failure?.text, "vfio \(path): no such host device: No such file or directory", line: line)
  }

  func testTheFolderOfTheBus() {
    check("/sys/bus/pci/devices/\(one)", .ok)
    check("//sys//bus/./pci/devices/\(one)/", .ok)
    check("/sys/bus/pci/devices/../../pci/devices/\(one)", .ok)
    check("/sys/bus/pci/device/\(one)", .fails)
    check("/sys/bus/pci/\(one)", .fails)
    check("/sys/bus/usb/devices/\(one)", .fails)
  }

  func testTheFoldersOfDriverAndGroup() {
    check("/sys/bus/pci/drivers/vfio-pci/\(one)", .ok)
    check("/sys/bus/pci/drivers/nvme/\(one)", .fails)
    let group = (try? Machines.host().device(at: XCTUnwrap(PCIAddress(one))).value?.group.value) ?? nil
    check("/sys/kernel/iommu_groups/\(group ?? -1)/devices/\(one)", .ok)
    check("/sys/kernel/iommu_groups/4711/devices/\(one)", .fails)
    check("/sys/kernel/iommu_groups/\(one)", .fails)
  }

  func testOtherPathsAreNotKnown() {
    for path in [
      // Behind a link that is another folder than is written.
      "/sys/bus/pci/devices/0000:02:00.0/../\(one)", "/sys/devices/pci0000:00/0000:00:1e.7/\(one)", "/sys/class/vfio/\(one)",
      // The name that QEMU asks the kernel for is `.`.
      "/sys/bus/pci/devices/\(one)/.", "/tmp/../sys/bus/pci/devices/\(one)",
    ] {
      check(path, .undetermined)
    }
  }
}
