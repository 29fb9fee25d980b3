import Facts
import Prediction

extension Rule {
  static let intremapIrqchip = Rule(
    name: "intremap-irqchip",
    severity: .error,
    summary: "`intremap=on` with all of the interrupt controllers in the kernel",
    why: """
      KVM's own IOAPIC knows nothing of an emulated IOMMU, so interrupt remapping works only when it is \
      emulated too. QEMU stops with `Interrupt Remapping cannot work with kernel-irqchip=on, please use \
      'split|off'.`, and `on` is KVM's default.
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
    target.isJudged(unit), try machine.setting("intremap", of: unit).value == "on",
    try machine.usesKVM.value, try machine.kernelIrqchip.value ?? "on" == "on"
  else { return }
  let asked = machine.machine.last { $0.name.hasPrefix("kernel") }?.location
  runner.report(
    "`\(unit.driver ?? "")` has `intremap=on`, and KVM's interrupt controllers are all in the kernel: QEMU stops",
    at: asked ?? unit.location(of: "intremap"),
    evidence: ["QEMU: Interrupt Remapping cannot work with kernel-irqchip=on, please use 'split|off'."])
}
