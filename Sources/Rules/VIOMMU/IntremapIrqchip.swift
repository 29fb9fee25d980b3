import Facts
import Prediction

extension Rule {
  static let intremapIrqchip = Rule(
    name: "intremap-irqchip",
    severity: .error,
    summary: "`intremap=on` with all of the interrupt controllers in the kernel",
    why: """
      KVM's in-kernel IOAPIC does not support an emulated IOMMU, so interrupt remapping requires the IOAPIC to be \
      emulated too. QEMU exits with `Interrupt Remapping cannot work with kernel-irqchip=on, please use 'split|off'.`, \
      and `on` is KVM's default.
      """,
    fix: "add `kernel-irqchip=split` to `-machine`",
    example: "-machine q35 -accel kvm -device intel-iommu,intremap=on,caching-mode=on",
    references: ["QEMU hw/i386/x86-iommu.c: x86_iommu_realize"],
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) throws(Unknown) {
  let machine = target.machine
  guard !target.assignments.isEmpty,
    let unit = target.iommus.first(where: { ["intel-iommu", "amd-iommu"].contains($0.driver) }),
    target.isChecked(unit), try machine.setting("intremap", of: unit).value == "on",
    try machine.usesKVM.value
  else { return }
  let given = try machine.kernelIrqchip.value
  guard given ?? "on" == "on" else { return }
  let asked = machine.machine.last { ["kernel-irqchip", "kernel_irqchip"].contains($0.name) }?.location
  runner.report(
    "`\(unit.driver ?? "")` has `intremap=on`, and all of KVM's interrupt controllers are in the kernel: QEMU exits",
    at: asked ?? unit.location(of: "intremap"),
    // Both spellings together are a conflict that QEMU refuses.
    fix: machine.proxmox != nil
      ? "remove the IOMMU from `args:`, and write `machine: q35,viommu=intel`: Proxmox then sets `kernel-irqchip=split`"
      : given == nil ? nil : "write `kernel-irqchip=split` in place of what is given",
    evidence: ["QEMU: Interrupt Remapping cannot work with kernel-irqchip=on, please use 'split|off'."])
}
