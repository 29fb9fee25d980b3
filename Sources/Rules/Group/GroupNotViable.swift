import Facts
import Prediction

extension Rule {
  static let groupNotViable = Rule(
    name: "group-not-viable",
    severity: .error,
    summary: "another function of the IOMMU group is bound to a host driver",
    why: """
      The functions of a group can reach each other's memory without the IOMMU seeing it, so the kernel \
      gives the whole group away or none of it. QEMU names the group and not the function that is in \
      the way.
      """,
    fix: "bind every function of the group to vfio-pci, or move the device to a slot with a group of its own",
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
  // That the device itself is bound to a host driver is another rule's.
  let offenders = try GroupViability(group, context.host).offenders(besides: device.address)
  guard !offenders.isEmpty else { return }
  let named = offenders.map { "\($0.address), which is bound to `\($0.driver)`" }.joined(separator: ", and ")
  let commands = offenders.map { "`driverctl set-override \($0.address) vfio-pci`" }
  runner.report(
    "\(context.name) is in IOMMU group \(group.number) with \(named)", at: context.request.location(of: "host"),
    fix: "take the whole group from the host: " + commands.joined(separator: ", "),
    evidence: ["group \(group.number): " + (group.members.display ?? []).map(\.description).joined(separator: " ")])
}
