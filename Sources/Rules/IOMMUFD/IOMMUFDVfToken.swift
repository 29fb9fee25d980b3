import Facts
import Prediction

extension Rule {
  static let iommufdVfToken = Rule(
    name: "iommufd-vf-token",
    severity: .error,
    summary: "a virtual function on iommufd whose physical function is bound to a vfio driver",
    why: """
      While the physical function is bound to a userspace driver, the kernel requires a token to open one of its \
      virtual functions. QEMU passes `vf-token` to the kernel only through the legacy backend: with iommufd the device \
      is bound without one, and the kernel refuses that.
      """,
    fix: "bind the physical function to its host driver, or use the legacy backend with `vf-token=UUID`",
    example: "-device vfio-pci,host=0000:3b:01.0,iommufd=iommufd0   (and 0000:3b:00.0 is bound to vfio-pci)",
    references: [
      "linux include/uapi/linux/vfio.h: VFIO_DEVICE_BIND_IOMMUFD", "https://github.com/NVIDIA/QEMU/issues/38",
    ],
    explains: [.badToken],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  guard try context.backend() == .iommufd else { return }
  let device = try context.device()
  guard try VFIODriver.ownsPhysicalFunction(of: device, context.host),
    let physical = try device.physicalFunction.value
  else { return }
  let token = context.request.has("vf-token") ? ", with or without `vf-token`" : ""
  runner.report(
    "\(context.name) is a virtual function of \(physical), which is bound to \(driver(of: physical, context.host)): "
      + "with iommufd the kernel refuses it\(token)",
    at: context.request.location(of: "iommufd"),
    fix: context.isLibvirtElement
      ? "bind the physical function to its host driver, or remove `iommufd='yes'`, and \(context.setOwn("vf-token", "UUID"))" : nil,
    evidence: ["\(physical) is the physical function of \(device.address)"])
}

private func driver(of address: PCIAddress, _ host: Host) -> String {
  let name = host.devices[address].flatMap { $0.driver.display ?? nil }
  return name.map { "`\($0)`" } ?? "a vfio driver"
}
