import Facts
import Prediction

extension Rule {
  static let globalVFIOOverride = Rule(
    name: "global-vfio-override",
    severity: .note,
    summary: "a `-global` that sets a property of every vfio device",
    why: """
      A `-global` reaches each device of its class, those too that are plugged later, and no QMP command \
      shows it. `vfio-pci` reaches `vfio-pci-nohotplug` as well. Of several the last on the command line \
      counts, whatever class each names, and what a device sets itself counts more.
      """,
    fix: "set the property on the devices that are meant",
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
    let reached = devices.filter { global.reaches($0.request) }
    if reached.isEmpty {
      runner.report("\(text) reaches none of the vfio devices", at: global.location, fix: "write `vfio-pci.\(global.property)`")
      continue
    }
    let later = globals.dropFirst(index + 1).last { other in
      other.property == global.property && reached.allSatisfy { other.reaches($0.request) }
    }
    if let later {
      runner.report(
        "\(text) has no effect: `-global \(later.driver).\(later.property)=\(later.value)` comes after it",
        at: global.location, fix: "take it out")
      continue
    }
    let own = reached.filter { $0.request.property(global.property) != nil }
    let what = own.count == reached.count ? "is overridden by \(list(own)), and holds for what is plugged later"
      : "holds for \(list(reached.filter { $0.request.property(global.property) == nil })) and what is plugged later"
        + (own.isEmpty ? "" : ", and is overridden by \(list(own))")
    runner.report("\(text) \(what)", at: global.location)
  }
}

private func list(_ devices: [RealizePrediction]) -> String {
  devices.prefix(4).map(\.name).joined(separator: ", ") + (devices.count > 4 ? " and \(devices.count - 4) more" : "")
}

extension GlobalProperty {
  /// Spelt as a class of vfio-pci, or nearly so.
  fileprivate var isForVFIO: Bool { driver.lowercased().hasPrefix("vfio-pci") || driver.lowercased().hasPrefix("vfio_pci") }
}
