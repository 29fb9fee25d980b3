import Facts
import Prediction

extension Rule {
  static let balloonWithVFIO = Rule(
    name: "balloon-with-vfio",
    severity: .note,
    summary: "a balloon in a guest whose memory is pinned for a device",
    why: """
      Memory that a device may write to cannot be reclaimed, so QEMU ignores the pages that the balloon releases while \
      a vfio device is present. The guest has less memory, and the host gains none.
      """,
    fix: "remove the balloon device",
    example: "-device virtio-balloon-pci -device vfio-pci,host=0000:01:00.0",
    references: ["QEMU hw/vfio/device.c: vfio_ram_block_discard_disable", "QEMU hw/virtio/virtio-balloon.c: virtio_balloon_inhibited"],
    needsRealize: true, check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) throws(Unknown) {
  guard let device = runner.assignments(of: target).last, target.isChecked(device.request) else { return }
  guard let balloon = target.requests.first(where: { $0.driver?.hasPrefix("virtio-balloon") == true }) else {
    return try target.requireWholeMachine(for: "whether the guest has a balloon")
  }
  runner.report(
    "the guest's `\(balloon.id ?? balloon.driver ?? "")` returns no memory to the host while \(device.name) is assigned",
    at: target.isChecked(balloon) ? balloon.location : device.request.location,
    fix: target.machine.proxmox != nil ? "write `balloon: 0`: without the line the machine has one"
      : target.machine.libvirt != nil ? "write `<memballoon model='none'/>`: without the element the domain has one" : nil)
}
