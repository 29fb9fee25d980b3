import Facts
import Prediction

extension Rule {
  static let smmuAccelNeedsKVM = Rule(
    name: "smmu-accel-needs-kvm",
    severity: .error,
    summary: "`arm-smmuv3` with `accel=on` in a machine without KVM",
    why: """
      The device's interrupts go through the host's SMMU to a doorbell that only KVM's interrupt controller has. \
      Without KVM, or with `kernel-irqchip=off`, QEMU exits: `SMMUv3 accel=on requires KVM with kernel-irqchip=on \
      support`.
      """,
    fix: "add `-accel kvm`, and leave `kernel-irqchip` on",
    example: "-machine virt -accel tcg -device arm-smmuv3,primary-bus=pcie.0,accel=on",
    references: ["QEMU hw/arm/virt.c: virt_machine_device_plug_cb (observed on 11.1.3)"],
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) throws(Unknown) {
  for unit in target.checkedSMMUs where try target.machine.setting("accel", of: unit).value == "on" {
    let usesKVM = try target.machine.usesKVM.value
    let irqchip = try target.machine.kernelIrqchip.value ?? "on"
    if usesKVM, irqchip == "on" {
      guard unit.location == target.machine.ownSMMU?.location, !target.machine.ownSMMUNests else { continue }
      throw Unknown("`accel=on` of the machine's own SMMU", reason: "what QEMU does with it under KVM was never observed")
    }
    runner.report(
      "\(unit.plainName) is an `arm-smmuv3` with `accel=on`, and the machine "
        + (usesKVM ? "has `kernel-irqchip=\(irqchip)`" : "does not use KVM") + ": QEMU exits",
      at: unit.location(of: "accel"), about: unit, fix: usesKVM ? "remove `kernel-irqchip=\(irqchip)`" : target.machine.useKVM,
      evidence: ["QEMU: SMMUv3 accel=on requires KVM with kernel-irqchip=on support"])
  }
}

extension MachineConfig {
  /// Advice to use KVM in place of what is given: QEMU takes the first accelerator that works.
  fileprivate var useKVM: String? {
    if libvirt != nil { return "write `type='kvm'` for the `<domain>`" }
    if let given = options.first(where: { $0.name == "accel" })?.value.string { return "write `-accel kvm` in place of `-accel \(given)`" }
    guard let given = machine.last(where: { $0.name == "accel" })?.value.string else { return nil }
    return "write `accel=kvm` in place of `accel=\(given)` in `-machine`"
  }
}
