import Facts
import Prediction

extension Rule {
  static let atsKnownBadDevice = Rule(
    name: "ats-known-bad-device",
    severity: .warning,
    summary: "the guest sees ATS on a device with broken ATS",
    why: """
      Linux disables ATS for some devices, because using it hangs them and the IOMMU. That protects the host only: \
      where QEMU shows the capability, the guest's kernel decides for itself, and one without the quirk enables ATS.
      """,
    fix: "set `ats=off`",
    example: "-device vfio-pci,host=0000:03:00.0   (a Navi 14, 1002:7340)",
    references: [
      "linux drivers/pci/quirks.c: quirk_amd_harvest_no_ats, quirk_intel_e2000_no_ats",
      "https://gitlab.freedesktop.org/drm/amd/-/issues/1015",
    ],
    needsRealize: true, check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  if context.guestSees == .known(false) { return }
  let device = try context.device()
  guard try BrokenATS.includes(device).value, try context.guestSees.value else { return }
  let ids = [device.vendor.display, device.device.display].map { $0?.hexadecimal(digits: 4) ?? "" }.joined(separator: ":")
  let hasProperty = context.atsInputs.behaviour != .known(.none)
  runner.report(
    "the guest sees ATS on \(context.name), a device (\(ids)) whose ATS Linux disables as broken",
    at: context.atsLocation, fix: hasProperty ? context.hideATSInDomain : "use QEMU 11.1 or newer, and set `ats=off`",
    evidence: ["vendor and device: \(ids)"])
}
