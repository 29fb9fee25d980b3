import Facts
import Prediction

extension Rule {
  static let hpWhileMigrating = Rule(
    name: "hp-while-migrating",
    severity: .error,
    summary: "a hot plug while the guest migrates",
    why: """
      The destination was started with the devices that the source had. QEMU refuses every `device_add` \
      until the migration has ended or is cancelled.
      """,
    fix: "wait for the migration's end, or cancel it: `migrate_cancel`",
    example: #"{"execute":"device_add","arguments":{"driver":"vfio-pci","id":"gpu","host":"0000:01:00.0","bus":"rp0"}}"#,
    references: ["QEMU system/qdev-monitor.c: qdev_device_add_from_qdict"],
    check: .device(judge))
}

private func judge(_ subject: DeviceContext, _ judgement: inout Judgement) throws(Unknown) {
  guard subject.request.plug == .hot, try subject.prediction.guest.migrating.value else { return }
  judgement.report("\(subject.name) is plugged while the guest migrates: QEMU refuses it until the migration has ended")
}
