import Facts
import Prediction

extension Rule {
  static let groupNotViable = Rule(
    name: "group-not-viable",
    severity: .error,
    summary: "another function of the IOMMU group is bound to a host driver",
    why: """
      The functions of a group can access each other's memory without the IOMMU seeing it, so the kernel assigns the \
      whole group or nothing. QEMU's message names the group, and not the function that prevents it.
      """,
    fix: "bind every function of the group to vfio-pci, or move the device to a slot with its own group",
    example: "-device vfio-pci,host=0000:01:00.0   (and 0000:01:00.1 is bound to snd_hda_intel)",
    references: [
      "QEMU hw/vfio/container-legacy.c: vfio_group_get", "linux Documentation/driver-api/vfio.rst",
    ],
    explains: [.groupNotViable], isRecheckedAtStart: true,
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  let device = try context.device()
  guard let group = try context.group() else { return }
  // not-bound reports the device itself.
  let offenders = try GroupViability(group, context.host).offenders(besides: device.address)
  guard !offenders.isEmpty else { return }
  let named = offenders.map { "\($0.address), which is bound to `\($0.driver)`" }.joined(separator: ", and ")
  let commands = offenders.map { "`driverctl set-override \($0.address) vfio-pci`" }
  runner.report(
    "\(context.name) is in IOMMU group \(group.number) with \(named)", at: context.request.location(of: "host"),
    fix: "bind the whole group to vfio-pci: " + commands.joined(separator: ", "),
    evidence: ["group \(group.number): " + (group.members.display ?? []).map(\.description).joined(separator: " ")])
}
