import Facts
import Prediction

extension Rule {
  static let hpNohotplugDriver = Rule(
    name: "hp-nohotplug-driver",
    severity: .error,
    summary: "`vfio-pci-nohotplug` in a `device_add`",
    why: """
      `vfio-pci-nohotplug` is vfio-pci with `ramfb`, which the machine needs before it starts: QEMU refuses to \
      hot-plug it.
      """,
    fix: "plug `vfio-pci`, or create the device at launch",
    example: #"{"execute":"device_add","arguments":{"driver":"vfio-pci-nohotplug","id":"gpu","host":"0000:01:00.0","bus":"rp0"}}"#,
    references: ["QEMU hw/vfio/pci.c: vfio_pci_nohotplug_dev_class_init"],
    explains: [.classNotHotpluggable],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) {
  // Does not depend on any fact, so nothing is undetermined.
  guard context.prediction.failures.contains(where: { $0.cause == .classNotHotpluggable }) else { return }
  runner.report(
    "\(context.name) is `vfio-pci-nohotplug`, which QEMU does not hot-plug",
    at: context.request.location(of: "driver"))
}
