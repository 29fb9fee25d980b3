import Facts
import Prediction

extension Rule {
  static let globalVFIOOverride = Rule(
    name: "global-vfio-override",
    severity: .note,
    summary: "a `-global` that sets a property of every vfio device",
    why: """
      A `-global` applies to each device of its class, including those plugged later, and no QMP command shows it. One \
      for `vfio-pci` applies to `vfio-pci-nohotplug` as well. Among several the last on the command line wins, \
      regardless of its class, and a device's own property overrides them all.
      """,
    fix: "set the property on the intended devices",
    example: "-global vfio-pci.ats=off -device vfio-pci,host=0000:01:00.0",
    references: ["QEMU hw/core/qdev-properties.c: qdev_prop_set_globals (observed on 11.1.3)"],
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) {
  guard target.plugs.isEmpty else { return }
  let devices = target.assignments
  let globals = target.machine.globals
  for (index, global) in globals.enumerated() where global.isForVFIO && !devices.isEmpty {
    let text = "`-global \(global.driver).\(global.property)=\(global.value)`"
    let affected = devices.filter { global.applies(to: $0.request, in: target.qemu) }
    if affected.isEmpty {
      runner.report("\(text) applies to none of the vfio devices", at: global.location,
        fix: global.location.isOfSection ? "write `driver=vfio-pci`" : "write `vfio-pci.\(global.property)`")
      continue
    }
    let later = globals.dropFirst(index + 1).last { other in
      other.property == global.property && affected.allSatisfy { other.applies(to: $0.request, in: target.qemu) }
    }
    if let later {
      runner.report(
        "\(text) has no effect: a later `-global \(later.driver).\(later.property)=\(later.value)` overrides it",
        at: global.location, fix: "remove it")
      continue
    }
    let own = affected.filter { $0.request.property(global.property) != nil }
    let what = own.count == affected.count ? "is overridden by \(list(own)), and applies to devices plugged later"
      : "applies to \(list(affected.filter { $0.request.property(global.property) == nil })) and devices plugged later"
        + (own.isEmpty ? "" : ", and is overridden by \(list(own))")
    let fix = target.machine.proxmox != nil ? ownOptions(global, affected) : nil
    if target.machine.proxmox == nil || fix != nil { runner.report("\(text) \(what)", at: global.location, fix: fix) }
  }
}

/// Options for Proxmox, whose `hostpciN:` has few keys; nil where nothing but `-global` will do.
private func ownOptions(_ global: GlobalProperty, _ devices: [RealizePrediction]) -> String? {
  let options = devices.compactMap { $0.setOption(global.property, global.value) }
  if options.count < devices.count { return nil }
  return "write for the intended devices alone: " + options.prefix(4).map { "`\($0)`" }.joined(separator: ", ")
}

private func list(_ devices: [RealizePrediction]) -> String {
  devices.prefix(4).map(\.name).joined(separator: ", ") + (devices.count > 4 ? " and \(devices.count - 4) more" : "")
}

extension GlobalProperty {
  /// Whether it names a class of vfio-pci, in any case and with `-` or `_`.
  fileprivate var isForVFIO: Bool { driver.lowercased().hasPrefix("vfio-pci") || driver.lowercased().hasPrefix("vfio_pci") }
}
