import Facts
import Prediction

extension Rule {
  static let hostStillUsesDevice = Rule(
    name: "host-still-uses-device",
    severity: .error,
    summary: "the host has a file system, swap, a RAID or its network on the device",
    why: """
      Binding the device to vfio-pci takes it from its host driver, and the kernel does not check whether it is in \
      use: a mounted disk disappears with its unwritten data, and losing the interface of the default route cuts off \
      access to the host. With `managed='yes'` libvirt does so when the guest starts, which may be at boot; Proxmox does \
      so with all functions of the device's IOMMU group.
      """,
    fix: "stop using the device on the host first, or assign a different one",
    example: "<hostdev mode='subsystem' type='pci' managed='yes'> of the controller that / is on",
    references: [
      "linux Documentation/ABI/testing/sysfs-bus-pci: unbind",
      "https://libvirt.org/formatdomain.html#usb-pci-scsi-devices",
    ],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  _ = try context.device()
  var missed: Unknown?
  for address in try context.takenFunctions() {
    do { try check(address, of: context, &runner) } catch { missed = missed ?? error }
  }
  if let missed { throw missed }
}

private func check(_ address: PCIAddress, of context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  guard let device = try context.target.hostNow.device(at: address).value, device.isEndpoint != .known(false),
    try !VFIODriver.isVFIO(device)
  else { return }
  let uses = try device.hostUses.value
  guard !uses.isEmpty else { return }
  let listed = uses.prefix(3).map(\.text).joined(separator: ", ") + (uses.count > 3 ? ", and \(uses.count - 3) more" : "")
  runner.report(
    "the host uses \(context.name(ofTaken: address)): \(listed); \(context.taker)", at: context.hostLocation, fix: fix(uses),
    evidence: uses.map { "host's use of \(device.address): \($0.text)" })
}

/// Advice for the first use: a command where there is one.
private func fix(_ uses: [HostUse]) -> String {
  switch uses.first?.kind {
  case .mount where uses.contains { $0.detail == "/" }:
    return "assign a different device: the host runs from this one"
  case .mount: return "`umount /dev/\(uses[0].device)`, and remove it from /etc/fstab, or assign a different device"
  case .swap: return "`swapoff /dev/\(uses[0].device)`, and remove it from /etc/fstab, or assign a different device"
  case .member: return "remove `\(uses[0].device)` from `\(uses[0].detail)` first, or assign a different device"
  default: return "move the host's address to another interface first, or assign a different device"
  }
}
