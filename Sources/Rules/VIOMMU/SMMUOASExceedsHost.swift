import Facts
import Prediction

extension Rule {
  static let smmuOASExceedsHost = Rule(
    name: "smmu-oas-exceeds-host",
    severity: .error,
    summary: "the guest's SMMU has a larger output address size than the host's",
    why: """
      The host's SMMU serves an accelerated `arm-smmuv3`, which therefore cannot offer more than the host's has. QEMU \
      compares them when the device is added, and refuses it. `oas=auto`, the default, uses the host's value; machine \
      types up to virt-11.0 have 44 bits.
      """,
    fix: "set `oas=auto`, or a size that the host supports",
    example: "-device arm-smmuv3,primary-bus=pcie.1,accel=on,oas=48   (on a host whose SMMU has 44 bits)",
    references: ["QEMU hw/arm/smmuv3-accel.c", "Arm IHI 0070 §6.3.6: SMMU_IDR5.OAS"],
    explains: [.smmuIncompatible],
    check: .device { context, runner throws(Unknown) in
      try context.compareSMMU("oas", context.hostIOMMU()?.outputAddressBits, "output address bits", &runner)
    })
}

extension DeviceContext {
  /// Reports a property of an accelerated SMMU that is larger than the host's SMMU allows.
  /// - Parameters:
  ///   - max: the host's limit; nil when its SMMU does not report one.
  ///   - unit: what is counted, for messages.
  func compareSMMU(
    _ name: String, _ max: Known<Int>?, _ counted: String, _ runner: inout RuleRunner
  ) throws(Unknown) {
    guard let unit = try guestIOMMU("arm-smmuv3"), try setting("accel", of: unit) == "on",
      let given = Int(try target.machine.smmuSetting(name, of: unit, target.qemu)), let max
    else { return }
    let limit = try max.value
    // launch-fails reports a value that QEMU does not have.
    guard given > limit, !target.isRefusedAtLaunch(unit.location(of: name)) else { return }
    runner.report(
      "the guest's `arm-smmuv3` has `\(name)=\(given)`, and the host's SMMU of \(self.name) has \(limit) \(counted)",
      at: unit.location(of: name),
      // QEMU has no smaller output address size.
      fix: name == "oas" && limit < 44 ? "set `oas=auto`" : "set `\(name)=auto`, or `\(name)=\(limit)`",
      evidence: ["host's SMMU: \(limit) \(counted)"])
  }
}
