import Facts
import Prediction

extension Rule {
  static let setOnJsonDevice = Rule(
    name: "set-on-json-device",
    severity: .error,
    summary: "a -set whose device it does not see",
    why: """
      -set changes the options of a -device that stands before it and is written as key=value. One that \
      is written as JSON, as libvirt writes all since 7.9, has no such options: QEMU says that there is no \
      device of that id, and does not start.
      """,
    fix: "write the property into the -device itself; in libvirt XML into <qemu:override>",
    example: #"-device '{"driver":"vfio-pci","id":"gpu","host":"0000:01:00.0"}' -set device.gpu.x-vga=on"#,
    references: ["QEMU system/vl.c: qemu_set_option", "QEMU util/qemu-config.c"],
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) throws(Unknown) {
  guard target.requests.contains(where: { $0.isVFIO }) else { return }
  for set in target.machine.sets {
    let device = target.machine.devices.first { $0.form == .json && $0.id == set.id }
    if let device {
      runner.report(
        "`-set` changes `\(set.property)` of `\(set.id)`, which is written as JSON: QEMU stops with "
          + "`there is no device \"\(set.id)\" defined`",
        at: set.location, about: device, fix: "write `\"\(set.property)\"` into the JSON of `\(set.id)`")
    } else {
      try target.needsWholeMachine(for: "device `\(set.id)` that `-set` changes")
      runner.report(
        "`-set` changes `\(set.id)`, which no -device before it has for an id: QEMU stops with "
          + "`there is no device \"\(set.id)\" defined`",
        at: set.location, fix: "put -set after the -device that it changes")
    }
  }
}
