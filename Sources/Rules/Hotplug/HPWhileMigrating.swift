import Facts
import Prediction

extension Rule {
  static let hpWhileMigrating = Rule(
    name: "hp-while-migrating",
    severity: .error,
    summary: "a hot plug while the guest migrates",
    why: """
      The destination was started with the devices that the source had at that time. QEMU refuses every `device_add` \
      until the migration ends or is cancelled.
      """,
    fix: "wait for the end of the migration, or cancel it: `migrate_cancel`",
    example: #"{"execute":"device_add","arguments":{"driver":"vfio-pci","id":"gpu","host":"0000:01:00.0","bus":"rp0"}}"#,
    references: ["QEMU system/qdev-monitor.c: qdev_device_add_from_qdict"],
    explains: [.migrating],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  guard try context.prediction.failure(.migrating) != nil else { return }
  runner.report("\(context.name) is plugged while the guest migrates: QEMU refuses it until the migration ends")
}
