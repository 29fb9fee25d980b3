import Facts
import Prediction

extension Rule {
  static let pfWithVFs = Rule(
    name: "pf-with-vfs",
    severity: .error,
    summary: "the device is a physical function that has virtual functions",
    why: """
      A physical function's driver manages its virtual functions. When it is unbound from its host driver, the driver \
      removes them, also from the guests that have them. On vfio-pci the guest controls what all of them depend on, and \
      a reset of the physical function stops them. The function usually meant is one of the virtual functions.
      """,
    fix: "assign a virtual function, or remove them first: write 0 to `sriov_numvfs`",
    example: "-device vfio-pci,host=0000:00:02.0   (which has the VFs 0000:00:02.1 to 0000:00:02.7)",
    references: [
      "linux Documentation/PCI/pci-iov-howto.rst", "PCIe 6.0 §9.2.2",
      "https://github.com/strongtz/i915-sriov-dkms/issues/342",
    ],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  let device = try context.device()
  if device.isEndpoint == .known(false) { return }
  // A virtual function has none.
  if case .known(.some) = device.physicalFunction { return }
  let functions = try device.virtualFunctions.value
  guard let first = functions.first else { return }
  let named = functions.count == 1 ? "the virtual function \(first)"
    : "\(functions.count) virtual functions, \(first) among them"
  let consequence = try VFIODriver.isVFIO(context.target.hostNow.devices[device.address] ?? device)
    ? "which the guest then controls" : "which its host driver removes when it is unbound"
  runner.report(
    "\(context.name) has \(named), \(consequence)", at: context.hostLocation,
    fix: "assign \(first) instead, or remove the virtual functions first: `echo 0 > "
      + "/sys/bus/pci/devices/\(device.address)/sriov_numvfs`",
    evidence: ["virtual functions of \(device.address): \(functions.prefix(8).map(\.description).joined(separator: " "))"])
}
