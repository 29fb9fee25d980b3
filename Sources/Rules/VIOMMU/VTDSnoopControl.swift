import Facts
import Prediction

extension Rule {
  static let vtdSnoopControl = Rule(
    name: "vtd-snoop-control",
    severity: .error,
    summary: "a vfio device behind `intel-iommu` with `snoop-control=on`",
    why: """
      QEMU accepts the device at first. When the guest enables translation for it, vfio registers for mapping events, \
      which `intel-iommu` refuses under snoop control (`Snoop Control with vhost or VFIO is not supported`). vfio \
      cannot handle that: QEMU aborts, and the guest with it.
      """,
    fix: "remove `snoop-control=on` from `intel-iommu`",
    example: "-device intel-iommu,caching-mode=on,snoop-control=on -device vfio-pci,host=0000:01:00.0",
    references: ["QEMU hw/i386/intel_iommu.c: vtd_iommu_notify_flag_changed", "QEMU hw/vfio/listener.c: vfio_listener_region_add"],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  guard let unit = try context.guestIOMMU("intel-iommu"), try context.setting("snoop-control", of: unit) == "on"
  else { return }
  runner.report(
    "\(context.name) is behind `intel-iommu` with `snoop-control=on`: QEMU aborts when the guest enables translation",
    at: unit.property("snoop-control").flatMap { context.target.isChecked(unit) ? $0.location : nil })
}
