import Facts
import Prediction

extension Rule {
  static let setOnJsonDevice = Rule(
    name: "set-on-json-device",
    severity: .error,
    summary: "a `-set` that does not find its device",
    why: """
      `-set` changes the options of a `-device` that precedes it and is written as key=value. A device written as \
      JSON, as libvirt writes all devices since 7.9, has no such options: QEMU reports that there is no device with \
      that id, and exits.
      """,
    fix: "write the property into the `-device` itself; in libvirt XML into `<qemu:override>`",
    example: #"-device '{"driver":"vfio-pci","id":"gpu","host":"0000:01:00.0"}' -set device.gpu.x-vga=on"#,
    references: ["QEMU system/vl.c: qemu_set_option", "QEMU util/qemu-config.c"],
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) throws(Unknown) {
  guard target.mayPassThrough else { return }
  for set in target.machine.sets {
    if SetProperty.unsupported.contains(set.group) {
      runner.report(
        "`-set` cannot change options of `\(set.group)`: QEMU exits with `-set is not supported with \(set.group)`",
        at: set.location, fix: "write `\(set.property)` into the option itself")
      continue
    }
    let device = target.machine.devices.first { $0.form == .json && $0.id == set.id }
    if let device {
      runner.report(
        "`-set` changes `\(set.property)` of `\(set.id)`, which is written as JSON: QEMU exits with "
          + "`there is no device \"\(set.id)\" defined`",
        at: set.location, about: device, fix: device.fix(set))
    } else {
      try target.requireWholeMachine(for: "device `\(set.id)` that `-set` changes")
      runner.report(
        "`-set` changes `\(set.id)`, which is not the id of a preceding `-device`: QEMU exits with "
          + "`there is no device \"\(set.id)\" defined`",
        at: set.location, fix: target.fix(set.id))
    }
  }
}

extension DeviceRequest {
  /// Advice for a device that is written as JSON, by libvirt or in the definition itself.
  fileprivate func fix(_ set: SetProperty) -> String {
    guard libvirt?.source != nil else { return "write `\"\(set.property)\"` into the JSON of `\(set.id)`" }
    let (type, value) = PropertyAdvice.libvirtValue(of: set.property, set.value)
    return "write in its place, " + LibvirtOverride.text(of: id, set.property, type: type, value)
  }
}

extension LintTarget {
  /// Advice for an id that no device before `-set` has.
  fileprivate func fix(_ id: String) -> String {
    if machine.devices.contains(where: { $0.id == id }) { return "move `-set` after the `-device` that it changes" }
    let ids = assignments.prefix(4).compactMap(\.request.id).map { "`\($0)`" }.joined(separator: " or ")
    return ids.isEmpty ? "give the device that is meant `id=\(id)`" : "name the device that is meant: \(ids)"
  }
}
