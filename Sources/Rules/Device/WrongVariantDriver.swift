import Facts
import Prediction

extension Rule {
  static let wrongVariantDriver = Rule(
    name: "wrong-variant-driver",
    severity: .warning,
    summary: "the device is bound to a different vfio driver than it needs",
    why: """
      Some devices have their own vfio driver besides `vfio-pci`. A Grace GPU on the plain driver has no memory that \
      the guest could use; others work and cannot migrate. Any driver that creates a vfio character device is a vfio \
      driver. The kernel writes driver names with dashes or underscores, so compare them without that difference.
      """,
    fix: "bind it to its own vfio driver",
    example: "-device vfio-pci,host=0009:01:00.0   (a GB200 GPU that is bound to vfio-pci)",
    references: ["linux drivers/vfio/pci/nvgrace-gpu/main.c", "https://github.com/NVIDIA/k8s-dra-driver-gpu/issues/1268"],
    isRecheckedAtStart: true,
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  let device = try context.device()
  let wanted = context.request.libvirt?.driverModel
  let isManaged = context.request.libvirt?.isManaged == true
  if !isManaged, try !VFIODriver.isVFIO(device) { return }
  if let wanted, isManaged {
    // libvirt binds the driver that the definition names.
    if VFIODriverName.isVFIOPCI(wanted) { return }
    if try device.variantDrivers.value.contains(where: { VFIODriverName.areSame($0, wanted) }) { return }
    return runner.report(
      "the definition has libvirt bind \(context.name) to `\(wanted)`, which does not support it", at: context.hostLocation,
      fix: "remove `model` from `<driver>`", evidence: ["modules.alias: no `vfio_pci:` line of `\(wanted)` for it"])
  }
  guard let driver = try device.driver.value else { return }
  if let wanted, !VFIODriverName.areSame(wanted, driver) {
    return report("the definition names `\(wanted)`", wanted, driver)
  }
  guard wanted == nil, !isManaged, VFIODriverName.isVFIOPCI(driver), context.needsVariant(device) else { return }
  guard let variant = try device.variantDrivers.value.first(where: { context.needs($0) }) else { return }
  report("the kernel has `\(variant)` for it", variant, driver)

  func report(_ why: String, _ variant: String, _ driver: String) {
    runner.report(
      "\(context.name) is bound to `\(driver)`, and \(why)", at: context.hostLocation,
      fix: "bind it: `driverctl set-override \(device.address) \(variant)`",
      evidence: ["driver of \(device.address): \(driver)"])
  }
}

extension DeviceContext {
  /// Whether the choice of a vfio driver may matter: for NVIDIA's 3D controllers (class 0302), which include Grace's
  /// GPUs, and for migration.
  fileprivate func needsVariant(_ device: HostDevice) -> Bool {
    if request.isOn("enable-migration") { return true }
    if case .known(let vendor) = device.vendor, vendor != 0x10de { return false }
    if case .known(let code) = device.classCode, code >> 8 != 0x0302 { return false }
    return true
  }

  fileprivate func needs(_ variant: String) -> Bool {
    VFIODriverName.areSame(variant, "nvgrace_gpu_vfio_pci") || request.isOn("enable-migration")
  }
}
