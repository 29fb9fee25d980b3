import Facts
import Prediction

extension Rule {
  static let balloonWithVFIO = Rule(
    name: "balloon-with-vfio",
    severity: .note,
    summary: "a balloon in a guest whose memory is locked for a device",
    why: """
      Memory that a device may write to cannot be taken back while it can, so QEMU ignores what the balloon \
      gives up as long as a vfio device is there. The guest has less memory, and the host has no more.
      """,
    fix: "take the balloon out; for libvirt `<memballoon model='none'/>`",
    example: "-device virtio-balloon-pci -device vfio-pci,host=0000:01:00.0",
    references: ["QEMU hw/vfio/device.c: vfio_ram_block_discard_disable", "QEMU hw/virtio/virtio-balloon.c: virtio_balloon_inhibited"],
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) throws(Unknown) {
  guard let device = target.assignments.last, target.isJudged(device.request) else { return }
  guard let balloon = target.requests.first(where: { $0.driver?.hasPrefix("virtio-balloon") == true }) else {
    return try target.needsWholeMachine(for: "whether the guest has a balloon")
  }
  runner.report(
    "the guest's `\(balloon.id ?? balloon.driver ?? "")` gives no memory back to the host while \(device.name) is assigned",
    at: target.isJudged(balloon) ? balloon.location : device.request.location)
}
