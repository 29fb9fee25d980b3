import Facts
import Prediction

extension Rule {
  static let atsNoATSCmdline = Rule(
    name: "ats-noats-cmdline",
    severity: .warning,
    summary: "the guest sees ATS although the host was booted with `pci=noats`",
    why: """
      `pci=noats` disables ATS on this host, often because a device hung with it. That stops the host's own use and \
      does not hide the capability: the legacy backend, QEMU before 11.1 and kernels before 7.1 still show it to the \
      guest. `pci=noats` also makes the kernel block translated requests.
      """,
    fix: "set `ats=off` for the device, or boot the host without `pci=noats`",
    example: "-device vfio-pci,host=0000:01:00.0   (and /proc/cmdline has pci=noats)",
    references: ["linux drivers/pci/pci.c: pci_setup", "linux Documentation/admin-guide/kernel-parameters.txt"],
    needsRealize: true, check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  if context.guestSees == .known(false) { return }
  guard try KernelCommandLine.hasNoATS(context.host.kernelCommandLine.value), try context.guestSees.value
  else { return }
  let isOld = context.atsInputs.behaviour == .known(.none)
  runner.report(
    "the guest sees ATS on \(context.name), although the host was booted with `pci=noats`", at: context.atsLocation,
    fix: context.canHideATS ? context.hideATSInDomain.map { "\($0), or boot the host without `pci=noats`" }
      : "boot the host without `pci=noats`" + (isOld && !context.needsATS ? ", or use QEMU 11.1 with `ats=off`" : ""),
    evidence: ["kernel command line: pci=noats"])
}
