import Facts
import Prediction

extension Rule {
  static let smmuPropertyNeedsAccel = Rule(
    name: "smmu-property-needs-accel",
    severity: .error,
    summary: "a property of `arm-smmuv3` that only `accel=on` has",
    why: """
      An emulated SMMU has no ATS, no substreams, no command queues of hardware, always invalidates by \
      range, and puts out 44 bits. QEMU stops when one of these is asked of it without `accel=on`.
      """,
    fix: "add `accel=on` to `arm-smmuv3`, or take the property out",
    example: "-device arm-smmuv3,primary-bus=pcie.0,ats=on",
    references: ["QEMU hw/arm/smmuv3.c: smmu_validate_property (observed on 11.1.3)"],
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) throws(Unknown) {
  guard !target.assignments.isEmpty else { return }
  let machine = target.machine
  for unit in target.iommus where unit.driver == "arm-smmuv3" && target.isJudged(unit) {
    guard try machine.setting("accel", of: unit).value != "on" else { continue }
    for property in SMMUProperty.all {
      guard let value = try machine.setting(property.name, of: unit).value, property.needsAccel(value) else { continue }
      runner.report(
        "\(unit.plainName) is an `arm-smmuv3` without `accel=on`, and is given `\(property.name)`: QEMU stops",
        at: unit.location(of: property.name), about: unit, evidence: ["QEMU: \(property.text)"])
    }
  }
}

/// What 11.1.3 says of each.
private struct SMMUProperty {
  let name: String
  let text: String
  let needsAccel: @Sendable (String) -> Bool

  init(_ name: String, text: String, needsAccel: @escaping @Sendable (String) -> Bool) {
    self.name = name
    self.text = text
    self.needsAccel = needsAccel
  }

  static let all = [
    SMMUProperty("ril", text: "ril can only be disabled if accel=on", needsAccel: { value in value == "off" }),
    SMMUProperty("ats", text: "ats can only be enabled if accel=on", needsAccel: { value in value == "on" }),
    SMMUProperty(
      "oas", text: "oas must be 44 bits when accel=off",
      needsAccel: { value in !["auto", "44"].contains(value) }),
    SMMUProperty(
      "ssidsize", text: "ssidsize can only be greater than 0 bits if accel=on",
      needsAccel: { value in !["auto", "0"].contains(value) }),
    SMMUProperty("cmdqv", text: "cmdqv can only be enabled if accel=on", needsAccel: { value in value == "on" }),
  ]
}
