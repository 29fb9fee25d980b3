import Facts
import Prediction

extension Rule {
  /// Also refused by the proxy, before the request reaches QEMU.
  public static let realizedArgument = Rule(
    name: "realized-argument",
    severity: .error,
    summary: "`realized=on` in a request, which crashes QEMU",
    why: """
      The code that sets properties treats `realized` like any other, and setting it realizes the device before QEMU \
      has given it a bus: QEMU crashes with SIGSEGV, for any driver. `realized=off` is accepted and has no effect.
      """,
    fix: "remove `realized`: QEMU realizes every device that it creates",
    example: #"{"execute":"device_add","arguments":{"driver":"e1000e","id":"net1","realized":true}}"#,
    references: ["QEMU system/qdev-monitor.c: qdev_device_add_from_qdict (observed on 7.2 and 11.1.3)"],
    explains: [.realizedArgument], crashesGuest: true,
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) {
  for request in target.checkedRequests {
    switch QEMUCrash.realizedArgument(request.asRead(by: target.qemu)) {
    case .always:
      runner.report(
        "\(request.plainName) sets `realized`: QEMU crashes with SIGSEGV"
          + (request.plug == .hot ? ", and the guest with it" : ""),
        at: request.location(of: "realized"), about: request)
    case .undetermined(let unknown): runner.cannotDetermine(unknown, about: request)
    case .never, .ifDescriptorExists, .withOtherQEMU: break
    }
  }
}
