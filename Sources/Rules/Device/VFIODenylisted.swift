import Facts
import Prediction

extension Rule {
  static let vfioDenylisted = Rule(
    name: "vfio-denylisted",
    severity: .error,
    summary: "vfio-pci refuses to bind the device",
    why: """
      The kernel has a list of devices that vfio-pci does not bind, because a guest could reach memory outside of its \
      own through them: Intel's QAT and DSA. libvirt fails to bind a managed device of that kind, and the kernel's log \
      says `exists in vfio-pci device denylist, driver probing disallowed`.
      """,
    fix: "assign a virtual function or a mediated device instead",
    example: "<hostdev managed='yes'> of a DSA, 8086:0b25",
    references: ["linux drivers/vfio/pci/vfio_pci.c: vfio_pci_is_denylisted"],
    explains: [.groupNotViable, .notBound, .groupNodeMissing, .noCdev],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  let device = try context.device()
  if device.vendor != .known(0x8086), device.vendor.isKnown { return }
  // A variant driver has a list of its own.
  if let model = context.request.libvirt?.driverModel, !VFIODriverName.isVFIOPCI(model) { return }
  guard try VFIODenylist.includes(device, on: context.host).value,
    try !VFIODriver.isVFIO(context.target.hostNow.devices[device.address] ?? device)
  else { return }
  let ids = [device.vendor.display, device.device.display].map { $0?.hexadecimal(digits: 4) ?? "" }.joined(separator: ":")
  let isManaged = context.request.libvirt?.isManaged == true
  runner.report(
    "\(context.name) (\(ids)) is one that vfio-pci refuses to bind" + (isManaged ? ", so libvirt cannot bind it" : ""),
    at: context.hostLocation, evidence: ["vendor and device: \(ids)"])
}
