import Facts
import Prediction

extension Rule {
  static let hostStillUsesDevice = Rule(
    name: "host-still-uses-device",
    severity: .error,
    summary: "the host has a file system, swap, a RAID or its network on the device",
    why: """
      To be assigned the device is taken from its driver, and the kernel asks nobody: a mounted disk is gone \
      with what was not written yet, and the interface with the default route takes the way into the host \
      along. With `managed='yes'` libvirt does so when the guest starts, which may be at boot.
      """,
    fix: "take the device out of use on the host first, or assign another one",
    example: "<hostdev mode='subsystem' type='pci' managed='yes'> of the controller that / is on",
    references: [
      "linux Documentation/ABI/testing/sysfs-bus-pci: unbind",
      "https://libvirt.org/formatdomain.html#usb-pci-scsi-devices",
    ],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  let device = try context.device()
  if device.isEndpoint == .known(false) { return }
  let isManaged = context.request.libvirt?.isManaged == true
  // Of a managed device prediction has the driver that it will have, and a cdev only if it has one now.
  if try VFIODriver.isVFIO(device), !isManaged || device.cdev.isKnown { return }
  let uses = try device.hostUses.value
  guard !uses.isEmpty else { return }
  let told = uses.prefix(3).map(text).joined(separator: ", ") + (uses.count > 3 ? ", and \(uses.count - 3) more" : "")
  let who = isManaged
    ? "libvirt takes it from the host when the guest starts" : "binding it to vfio-pci takes it from the host"
  runner.report(
    "the host uses \(context.name): \(told); \(who)", at: context.hostLocation, fix: fix(uses),
    evidence: uses.map { "host's use of \(device.address): \(text($0))" })
}

private func text(_ use: HostUse) -> String {
  let through = use.detail.isEmpty ? "" : " (through `\(use.detail)`)"
  switch use.kind {
  case .mount: return "`\(use.device)` is mounted at `\(use.detail)`"
  case .swap: return "`\(use.device)` is swap"
  case .member: return "`\(use.device)` is part of `\(use.detail)`"
  case .defaultRoute: return "`\(use.device)` has the default route\(through)"
  case .address: return "`\(use.device)` has an address of the host\(through)"
  }
}

/// The command for what was found first; where there is none, in words.
private func fix(_ uses: [HostUse]) -> String {
  switch uses.first?.kind {
  case .mount where uses.contains { $0.detail == "/" }:
    return "assign another device: the host runs from this one"
  case .mount: return "`umount /dev/\(uses[0].device)`, and take it out of /etc/fstab, or assign another device"
  case .swap: return "`swapoff /dev/\(uses[0].device)`, and take it out of /etc/fstab, or assign another device"
  case .member: return "take `\(uses[0].device)` out of `\(uses[0].detail)` first, or assign another device"
  default: return "give the host another interface first, or assign another device"
  }
}
