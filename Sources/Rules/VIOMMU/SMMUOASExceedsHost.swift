import Facts
import Prediction

extension Rule {
  static let smmuOASExceedsHost = Rule(
    name: "smmu-oas-exceeds-host",
    severity: .error,
    summary: "the guest's SMMU has wider addresses than the host's",
    why: """
      An accelerated `arm-smmuv3` is served by the host's SMMU, so it cannot promise more than that has. QEMU \
      compares them when the device is added, and refuses. `oas=auto`, the default, takes the host's.
      """,
    fix: "set `oas=auto`, or a size that the host has",
    example: "-device arm-smmuv3,primary-bus=pcie.1,accel=on,oas=48   (on a host whose SMMU has 44 bits)",
    references: ["QEMU hw/arm/smmuv3-accel.c", "Arm IHI 0070 §6.3.6: SMMU_IDR5.OAS"],
    check: .device { context, runner throws(Unknown) in
      try context.compareSMMU("oas", context.hostIOMMU()?.outputAddressBits, "bits of output addresses", &runner)
    })
}

extension DeviceContext {
  /// Compares a number that an accelerated SMMU is given with what the host's has.
  func compareSMMU(
    _ name: String, _ most: Known<Int>?, _ what: String, _ runner: inout RuleRunner
  ) throws(Unknown) {
    guard let unit = try guestIOMMU("arm-smmuv3"), try setting("accel", of: unit) == "on",
      let given = try setting(name, of: unit).flatMap({ Int($0) }), let most
    else { return }
    let limit = try most.value
    guard given > limit else { return }
    runner.report(
      "the guest's `arm-smmuv3` has `\(name)=\(given)`, and the host's SMMU of \(self.name) has \(limit) \(what)",
      at: unit.location(of: name), fix: "set `\(name)=auto`, or `\(name)=\(limit)`",
      evidence: ["host's SMMU: \(limit) \(what)"])
  }
}
