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
  // not-endpoint reports a bridge, which no group would help.
  guard device.isEndpoint != .known(false), let group = try context.group() else { return }
  // not-bound reports the device itself, and those that the definition assigns as well.
  let offenders = try GroupViability(group, context.host).offenders(besides: device.address).filter { one in
    !context.target.contexts.contains { $0.prediction.host == one.address }
  }
  guard !offenders.isEmpty else { return }
  let named = offenders.map { "\($0.address), which is bound to `\($0.driver)`" }.joined(separator: ", and ")
  runner.report(
    "\(context.name) is in IOMMU group \(group.number) with \(named)", at: context.request.location(of: "host"),
    fix: context.fix(offenders.map(\.address)),
    evidence: ["group \(group.number): " + (group.members.display ?? []).map(\.description).joined(separator: " ")])
}

extension DeviceContext {
  /// Advice for members that are bound to host drivers. One that the host uses stays with the host, and so do its host
  /// bridge and its LPC controller (PCI Code and ID Assignment 1.16 §1.7: 0600, 0601).
  fileprivate func fix(_ offenders: [PCIAddress]) -> String {
    let used = usedByHost(offenders).map { "\($0.address) (\($0.use.text))" }
    let chipset = offenders.filter { [0x0600, 0x0601].contains(host.devices[$0]?.classCode.display.map { $0 >> 8 }) }
    let kept = used + chipset.map { "\($0) (part of its chipset)" }
    if kept.isEmpty { return bindAdvice("bind the whole group to vfio-pci", offenders) }
    return "move the device to a slot with its own group, or assign a different one: the host needs "
      + kept.joined(separator: ", ")
  }
}
