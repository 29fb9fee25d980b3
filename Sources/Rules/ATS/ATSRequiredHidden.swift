import Facts
import Prediction

extension Rule {
  static let atsRequiredHidden = Rule(
    name: "ats-required-hidden",
    severity: .error,
    summary: "a device that does not work without ATS, behind an accelerated SMMUv3 that does not use it",
    why: """
      Some devices translate all addresses through ATS: NVIDIA's GB10, ConnectX-10 on NVLink-C2C, and CXL devices that \
      cache memory. The kernel keeps ATS on for them. Behind `arm-smmuv3,accel=on` the host follows the guest's stream \
      table instead, and a guest that does not see ATS on both the device and its SMMU does not enable it: the device's \
      DMA fails.
      """,
    fix: "set `ats=on` for `arm-smmuv3`, and remove `ats=off` from the device",
    example: "-device arm-smmuv3,accel=on,ats=off,… -device vfio-pci,host=000f:01:00.0,…   (a GB10, 10de:2e12)",
    references: [
      "linux drivers/pci/ats.c: pci_ats_required", "linux drivers/pci/quirks.c",
      "linux drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3-iommufd.c: arm_smmu_attach_dev_nested",
    ],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  guard let unit = try context.guestIOMMU("arm-smmuv3"), try context.setting("accel", of: unit) == "on",
    let iommu = try context.guestIOMMU()
  else { return }
  let device = try context.device()
  guard try RequiredATS.includes(device).value else { return }
  let ids = [device.vendor.display, device.device.display].map { $0?.hexadecimal(digits: 4) ?? "" }.joined(separator: ":")
  let evidence = ["vendor and device: \(ids)"]
  if context.guestSees == .known(false) {
    let isOff = context.atsInputs.setting == .known(.off)
    return runner.report(
      "\(context.name) (\(ids)) does not work without ATS, and the guest does not see its ATS behind \(unit.plainName)",
      at: context.atsLocation,
      fix: isOff ? "remove `ats=off`, and set `ats=on` for \(unit.plainName)"
        : "use a host whose IOMMU serves ATS for the device, and an Express port",
      evidence: evidence)
  }
  if iommu.offersATS == .known(false) {
    return runner.report(
      "\(context.name) (\(ids)) does not work without ATS, which \(unit.plainName) does not offer", at: unit.location(of: "ats"),
      fix: "set `ats=on` for \(unit.plainName)", evidence: evidence)
  }
  _ = try iommu.offersATS.value
  _ = try context.guestSees.value
}
