import Facts
import Prediction

extension Rule {
  static let smmuAutoNeedsColdplug = Rule(
    name: "smmu-auto-needs-coldplug",
    severity: .error,
    summary: "`arm-smmuv3` with `accel=on` that follows a host SMMU which no device names",
    why: """
      `ats`, `ril`, `ssidsize` and `oas` are `auto` by default since QEMU 11.1, and `auto` is what the \
      host's SMMU behind the first vfio device has. With no such device at start QEMU exits when all is \
      made. Machine types up to virt-11.0 have fixed values instead. `cmdqv=on` asks for a device as well.
      """,
    fix: "set them: `ats=off,ril=on,ssidsize=0,oas=44`, or have one vfio device from the start",
    example: "-machine virt -device arm-smmuv3,primary-bus=pcie.0,accel=on",
    references: ["QEMU hw/arm/smmuv3-accel.c: smmuv3_accel_machine_done", "QEMU hw/core/machine.c: hw_compat_11_0"],
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) throws(Unknown) {
  let machine = target.machine
  guard target.plugs.isEmpty else { return }
  for unit in try target.acceleratedSMMUs() {
    guard try target.qemu.behaviour.value != .none else { return }
    let hasFixedDefaults = machine.virtVersion.map { $0 <= (11, 0) } ?? false
    var following: [String] = []
    for name in ["ats", "ril", "ssidsize", "oas"] {
      let setting = try machine.setting(name, of: unit).value
      if setting == "auto" || setting == nil && !hasFixedDefaults { following.append("`\(name)`") }
    }
    let wantsQueue = try machine.setting("cmdqv", of: unit).value == "on"
    guard !following.isEmpty || wantsQueue,
      try target.requests(machine.devices.filter(\.isVFIO), behind: unit).isEmpty
    else { continue }
    let text = following.isEmpty
      ? "arm-smmuv3 cmdqv=on requires at least one cold-plugged VFIO device"
      : "arm-smmuv3 accel=on with 'auto' properties requires at least one cold-plugged VFIO device"
    let what = following.isEmpty ? "`cmdqv=on`" : following.joined(separator: ", ") + " at auto"
    runner.report(
      "\(unit.plainName) is an `arm-smmuv3` with `accel=on` and \(what), "
        + "and no vfio device is behind it at start: QEMU exits",
      about: unit, fix: following.isEmpty ? "take `cmdqv=on` out, or have one vfio device from the start" : nil,
      evidence: ["QEMU: \(text)"])
  }
}
