import Facts
import Prediction

extension Rule {
  static let noIOMMUDevice = Rule(
    name: "noiommu-device",
    severity: .error,
    summary: "the device is bound to vfio without an IOMMU, which no guest can use",
    why: """
      With `enable_unsafe_noiommu_mode` vfio binds devices that no IOMMU serves, for programs that know physical \
      addresses. A guest's addresses mean something else, so QEMU does not use such a device: it finds neither \
      `vfioN` nor /dev/vfio/N, only names that begin with `noiommu-`.
      """,
    fix: "enable the IOMMU in the firmware and the kernel, and bind the device again",
    example: "-device vfio-pci,host=0000:01:00.0   (whose cdev is noiommu-vfio0)",
    references: [
      "linux drivers/vfio/vfio_main.c: vfio_device_set_noiommu", "linux drivers/vfio/Kconfig: VFIO_NOIOMMU",
      "QEMU hw/vfio/iommufd.c: iommufd_cdev_getfd",
    ],
    explains: [.noCdev, .groupNodeMissing, .noGroup],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  let device = try context.device()
  guard case .known(let known) = device.cdev else { return try context.excludeNoIOMMU(device) }
  guard let cdev = known, cdev.isNoIOMMU else { return }
  runner.report(
    "\(context.name) is bound to vfio without an IOMMU: its cdev is `\(cdev.name)`, which QEMU does not use",
    at: context.hostLocation, evidence: ["cdev of \(device.address): \(cdev.name)"])
}

extension DeviceContext {
  /// - Throws: why the cdev is unknown, unless the group has a node or the device has no vfio driver.
  fileprivate func excludeNoIOMMU(_ device: HostDevice) throws(Unknown) {
    if request.libvirt?.isManaged == true { return }
    if case .known(let driver) = device.driver, driver.map(VFIODriverName.isVFIO) != true { return }
    if let group = try group(), [.known(.accessible), .known(.denied)].contains(group.node) { return }
    _ = try device.cdev.value
  }
}
