import Facts
import Prediction

extension Rule {
  static let smmuAccelNeedsACPI = Rule(
    name: "smmu-accel-needs-acpi",
    severity: .error,
    summary: "`arm-smmuv3` with `accel=on` in a machine that boots with a device tree",
    why: """
      QEMU describes an accelerated SMMU only in ACPI's IORT, and `virt` has ACPI only with firmware: with `acpi=off`, \
      or without `-bios` and pflash, it uses a device tree, and exits with `SMMUv3 with accel=on not supported for \
      DT`.
      """,
    fix: "add firmware: `-bios QEMU_EFI.fd`, and leave `acpi` on",
    example: "-machine virt,acpi=off -accel kvm -device arm-smmuv3,primary-bus=pcie.0,accel=on",
    references: ["QEMU hw/arm/virt.c: create_smmuv3_dev_dtb"],
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) throws(Unknown) {
  let machine = target.machine
  for unit in try target.acceleratedSMMUs() {
    let isOff = try machine.machineSetting("acpi").value == "off"
    // libvirt chooses the firmware, which the domain need not name.
    guard isOff || machine.libvirt == nil && !machine.hasFirmware else { continue }
    runner.report(
      "\(unit.plainName) is an `arm-smmuv3` with `accel=on`, and the machine has "
        + (isOff ? "`acpi=off`" : "no firmware, and so no ACPI") + ": QEMU exits",
      at: unit.location(of: "accel"), about: unit,
      fix: isOff ? "remove `acpi=off`" : "add firmware: `-bios QEMU_EFI.fd`",
      evidence: ["QEMU: SMMUv3 with accel=on not supported for DT"])
  }
}

extension MachineConfig {
  /// Whether it has `-bios`, `-pflash`, a pflash drive, or `pflash0` of the machine.
  fileprivate var hasFirmware: Bool {
    hasOption("bios") || hasOption("pflash") || machine.contains { $0.name.hasPrefix("pflash") || $0.name == "firmware" }
      || options.contains { $0.name == "drive" && ($0.value.string ?? "").contains("if=pflash") }
  }
}
