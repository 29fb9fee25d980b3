import Facts
import Prediction

extension Rule {
  static let smmuAccelNeedsACPI = Rule(
    name: "smmu-accel-needs-acpi",
    severity: .error,
    summary: "`arm-smmuv3` with `accel=on` in a machine that boots by device tree",
    why: """
      QEMU describes an accelerated SMMU in ACPI's IORT only, and `virt` has ACPI only with firmware: \
      `acpi=off`, or neither `-bios` nor a pflash, means a device tree, and QEMU stops with `SMMUv3 with \
      accel=on not supported for DT`.
      """,
    fix: "give the machine firmware: `-bios QEMU_EFI.fd`, and leave `acpi` on",
    example: "-machine virt,acpi=off -accel kvm -device arm-smmuv3,primary-bus=pcie.0,accel=on",
    references: ["QEMU hw/arm/virt.c: create_smmuv3_dev_dtb"],
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) throws(Unknown) {
  let machine = target.machine
  for unit in try target.acceleratedSMMUs() {
    let isOff = try machine.machineSetting("acpi").value == "off"
    // What firmware libvirt chooses is not in the domain.
    guard isOff || machine.libvirt == nil && !machine.hasFirmware else { continue }
    runner.report(
      "\(unit.plainName) is an `arm-smmuv3` with `accel=on`, and the machine has "
        + (isOff ? "`acpi=off`" : "no firmware, and so no ACPI") + ": QEMU stops",
      at: unit.location(of: "accel"), about: unit,
      fix: isOff ? "take `acpi=off` out" : "give the machine firmware: `-bios QEMU_EFI.fd`",
      evidence: ["QEMU: SMMUv3 with accel=on not supported for DT"])
  }
}

extension MachineConfig {
  /// `-bios`, `-pflash`, a drive of that kind, or `pflash0` of the machine.
  fileprivate var hasFirmware: Bool {
    hasOption("bios") || hasOption("pflash") || machine.contains { $0.name.hasPrefix("pflash") || $0.name == "firmware" }
      || options.contains { $0.name == "drive" && ($0.value.string ?? "").contains("if=pflash") }
  }
}
