import Facts
import Prediction

extension Rule {
  static let vtdSnoopControl = Rule(
    name: "vtd-snoop-control",
    severity: .error,
    summary: "a vfio device behind `intel-iommu` with `snoop-control=on`",
    why: """
      QEMU takes the device at first. When the guest switches translation on for it, vfio asks to be told \
      of mappings, which `intel-iommu` refuses under snoop control (`Snoop Control with vhost or VFIO is \
      not supported`), and vfio has no way back: QEMU aborts, and the guest with it.
      """,
    fix: "take `snoop-control=on` out of `intel-iommu`",
    example: "-device intel-iommu,caching-mode=on,snoop-control=on -device vfio-pci,host=0000:01:00.0",
    references: ["QEMU hw/i386/intel_iommu.c: vtd_iommu_notify_flag_changed", "QEMU hw/vfio/listener.c: vfio_listener_region_add"],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  guard let unit = try context.guestIOMMU("intel-iommu"), try context.setting("snoop-control", of: unit) == "on"
  else { return }
  runner.report(
    "\(context.name) is behind `intel-iommu` with `snoop-control=on`: QEMU dies when the guest switches translation on",
    at: unit.property("snoop-control").flatMap { context.target.isJudged(unit) ? $0.location : nil })
}
