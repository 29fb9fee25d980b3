import Facts
import Prediction

extension Rule {
  static let crashingGlobal = Rule(
    name: "crashing-global",
    severity: .error,
    summary: "a `-global` that crashes QEMU at the next vfio device",
    why: """
      QEMU sets the properties of `-global` when it creates a device object, before the device has an id or a bus, and \
      parses them as text. `addr` aborts there, `fd` and `realized=on` crash with SIGSEGV. A guest that runs with such an \
      option dies at its first hot plug.
      """,
    fix: "remove the `-global`, and give the property to the device",
    example: "-global vfio-pci.addr=3 -device vfio-pci,host=0000:01:00.0",
    references: [
      "QEMU hw/core/qdev-properties-system.c: set_pci_devfn (observed on 11.1.3)",
      "QEMU migration/cpr.c: cpr_get_fd_param (observed on 11.1.3)",
    ],
    explains: [.crashingGlobal], crashesGuest: true,
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) {
  for prediction in target.predictions {
    guard let failure = prediction.failures.first(where: { $0.cause == .crashingGlobal }), let signal = failure.signal
    else { continue }
    let global = target.machine.globals.first {
      $0.applies(to: prediction.request, in: target.qemu) && ["addr", "fd", "realized"].contains($0.property)
    }
    let option = global.map { "`-global \($0.driver).\($0.property)=\($0.value)`" } ?? "a -global option"
    runner.report(
      "\(option) crashes QEMU with \(signal) when it makes \(prediction.name)"
        + (prediction.request.plug == .hot ? ", and the guest with it" : ""),
      at: prediction.request.location, about: prediction.request,
      // realized-argument refuses it there.
      fix: global?.property == "realized" ? "remove the `-global`" : nil)
  }
}
