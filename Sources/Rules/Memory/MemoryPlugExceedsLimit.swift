import Facts
import Prediction

extension Rule {
  /// Reported of plugs that a definition has, and refused by the proxy's command filter, which knows what QEMU has locked.
  public static let memoryPlugExceedsLimit = Rule(
    name: "memory-plug-exceeds-limit",
    severity: .error,
    summary: "more guest memory than QEMU may lock for its vfio devices",
    why: """
      All guest memory is locked for vfio devices, also memory that is plugged later. When the kernel refuses because of the limit of \
      locked memory, QEMU crashes with SIGABRT, with either backend.
      """,
    fix: "raise the limit of the running QEMU: `prlimit --pid PID --memlock=BYTES`",
    example: #"{"execute":"device_add","arguments":{"driver":"pc-dimm","memdev":"m1","id":"d1"}}"#,
    references: [
      "QEMU hw/vfio/listener.c: vfio_listener_region_add (observed on 11.1.3)",
      "linux drivers/vfio/vfio_iommu_type1.c: vfio_lock_acct", "linux drivers/iommu/iommufd/pages.c",
    ],
    crashesGuest: true,
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) throws(Unknown) {
  // A vfio device that is plugged later is refused, and the guest lives: that is `memlock-too-low`.
  guard let first = target.assignments.first(where: { $0.request.plug == .cold }) ?? target.assignments.first else { return }
  let plugs = first.request.plug == .cold
    ? target.plugs[...] : target.plugs.drop { $0.location != first.request.location }
  let locked = LockedMemory(target.machine)
  for (index, request) in plugs.enumerated() {
    guard let more = try locked.memory(of: request), more > 0 else { continue }
    if target.machine.libvirt != nil {
      throw Unknown("QEMU's limit of locked memory", reason: "libvirt sets it for the memory that the domain has, and not for a plug")
    }
    guard let limit = try locked.limit(on: target.host) else { return }
    guard let memory = try locked.all(after: plugs.prefix(index + 1)) else {
      throw Unknown("guest memory", reason: "the machine has no `-m`")
    }
    let need = LockedMemory.needed(memory, spaces: target.guest.addressSpaceCount)
    guard need > limit else { continue }
    let name = request.plainName
    runner.report(
      "\(name) adds \(ByteSize.text(more)) to the guest's memory, of which then \(ByteSize.text(need)) are locked "
        + "for vfio devices, and \(target.host.user.display ?? "the user") may lock \(ByteSize.text(limit)): QEMU crashes with "
        + "SIGABRT, and the guest with it",
      at: request.location, about: request)
  }
}
