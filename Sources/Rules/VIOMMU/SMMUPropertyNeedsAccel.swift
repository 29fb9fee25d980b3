import Facts
import Prediction

extension Rule {
  static let smmuPropertyNeedsAccel = Rule(
    name: "smmu-property-needs-accel",
    severity: .error,
    summary: "a property of `arm-smmuv3` that requires `accel=on`",
    why: """
      An emulated SMMU has no ATS, no substreams and no hardware command queues, always supports range invalidation, \
      and has 44 output address bits. QEMU exits if a property asks for anything else without `accel=on`.
      """,
    fix: "add `accel=on` to `arm-smmuv3`, or remove the property",
    example: "-device arm-smmuv3,primary-bus=pcie.0,ats=on",
    references: ["QEMU hw/arm/smmuv3.c: smmu_validate_property (observed on 11.1.3)"],
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) throws(Unknown) {
  guard !target.assignments.isEmpty else { return }
  let machine = target.machine
  for unit in target.checkedSMMUs {
    guard try machine.setting("accel", of: unit).value != "on" else { continue }
    for property in SMMUProperty.all {
      guard let value = try machine.setting(property.name, of: unit).value, property.needsAccel(value) else { continue }
      runner.report(
        "\(unit.plainName) is an `arm-smmuv3` without `accel=on`, and sets `\(property.name)`: QEMU exits",
        at: unit.location(of: property.name), about: unit,
        // Behind an SMMU without it no vfio device is realized.
        fix: target.firstBehind[unit.location] == nil ? nil : "add `accel=on` to `arm-smmuv3`", evidence: ["QEMU: \(property.text)"])
    }
  }
}

/// A property, with the message of QEMU 11.1.3 without `accel=on`.
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
      needsAccel: { value in value == "48" }),  // others are refused with accel too
    SMMUProperty(
      "ssidsize", text: "ssidsize can only be greater than 0 bits if accel=on",
      needsAccel: { value in !["auto", "0"].contains(value) }),
    SMMUProperty("cmdqv", text: "cmdqv can only be enabled if accel=on", needsAccel: { value in value == "on" }),
  ]
}
