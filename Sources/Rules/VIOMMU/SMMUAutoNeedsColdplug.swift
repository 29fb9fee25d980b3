import Facts
import Prediction

extension Rule {
  static let smmuAutoNeedsColdplug = Rule(
    name: "smmu-auto-needs-coldplug",
    severity: .error,
    summary: "`arm-smmuv3,accel=on` has `auto` properties but no cold-plugged vfio device to take them from",
    why: """
      `ats`, `ril`, `ssidsize` and `oas` are `auto` by default since QEMU 11.1, and `auto` means the value of the \
      host's SMMU behind the first vfio device. Without such a device at launch QEMU exits when the machine is \
      complete. Machine types up to virt-11.0 have fixed values instead. `cmdqv=on` needs a device as well.
      """,
    fix: "set the values that the devices need, as in `ats=on,ril=on,ssidsize=0,oas=44`, or add a vfio device at launch",
    example: "-machine virt -device arm-smmuv3,primary-bus=pcie.0,accel=on",
    references: ["QEMU hw/arm/smmuv3-accel.c: smmuv3_accel_machine_done", "QEMU hw/core/machine.c: hw_compat_11_0"],
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) throws(Unknown) {
  let machine = target.machine
  guard target.plugs.isEmpty else { return }
  for unit in try target.acceleratedSMMUs() {
    guard try target.qemu.behaviour.value != .none else { return }
    var automatic: [String] = []
    for name in ["ats", "ril", "ssidsize", "oas"] where try machine.smmuSetting(name, of: unit, target.qemu) == "auto" {
      automatic.append("`\(name)`")
    }
    let wantsQueue = try machine.setting("cmdqv", of: unit).value == "on"
    // QEMU refuses it before.
    guard !target.isRefusedAtLaunch(unit), !automatic.isEmpty || wantsQueue,
      try target.requests(machine.devices.filter(\.isVFIO), behind: unit).isEmpty
    else { continue }
    let text = automatic.isEmpty
      ? "arm-smmuv3 cmdqv=on requires at least one cold-plugged VFIO device"
      : "arm-smmuv3 accel=on with 'auto' properties requires at least one cold-plugged VFIO device"
    let what = automatic.isEmpty ? "`cmdqv=on`" : automatic.joined(separator: ", ") + " set to auto"
    runner.report(
      "\(unit.plainName) is an `arm-smmuv3` with `accel=on` and \(what), "
        + "and no vfio device is behind it at launch: QEMU exits",
      about: unit, fix: automatic.isEmpty ? "remove `cmdqv=on`, or add a vfio device at launch" : nil,
      evidence: ["QEMU: \(text)"])
  }
}
