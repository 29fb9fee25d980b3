import Facts
import Prediction

extension Rule {
  static let vtdAwBits = Rule(
    name: "vtd-aw-bits",
    severity: .error,
    summary: "the guest's IOMMU has wider addresses than the host's",
    why: """
      What the guest maps through its `intel-iommu` the host's IOMMU must be able to map too. QEMU compares the \
      two when a device is added, and refuses: `aw-bits 48 > host aw-bits 39`. The default is 48 since the 9.2 \
      machine types, and most desktop processors have 39.
      """,
    fix: "set `aw-bits=39` for `intel-iommu`",
    example: "-machine q35 -device intel-iommu,caching-mode=on -device vfio-pci,host=0000:01:00.0   (on a host with 39 bits)",
    references: ["QEMU hw/i386/intel_iommu.c: vtd_check_hiod", "QEMU hw/i386/pc.c: pc_compat_9_1", "VT-d 4.1 §11.4.2: MGAW"],
    check: .device(judge))
}

private func judge(_ subject: Subject, _ judgement: inout Judgement) throws(Unknown) {
  guard let unit = try subject.guestIOMMU("intel-iommu"), let host = try subject.hostIOMMU(),
    let width = host.addressWidth
  else { return }
  let given = try subject.setting("aw-bits", of: unit)
  let bits = if let given { Int(given) } else { try subject.defaultWidth() }
  let most = try width.value
  guard let bits, bits > most else { return }
  judgement.report(
    "\(subject.name) is behind `\(host.name)`, which maps addresses of \(most) bits, and `intel-iommu` has \(bits)"
      + (given == nil ? " by default" : "") + ": QEMU refuses it with `aw-bits \(bits) > host aw-bits \(most)`",
    at: unit.location(of: "aw-bits"), fix: "set `aw-bits=\(most)` for `intel-iommu`",
    evidence: ["\(host.name): \(most) bits"])
}

extension Subject {
  /// The host's IOMMU that serves the device; nil when none does.
  func hostIOMMU() throws(Unknown) -> IOMMUUnit? {
    guard let name = try device().iommu.value else { return nil }
    return try host.iommus.value[name]
  }

  /// 48 since the machine types of 9.2, 39 before (QEMU hw/i386/pc.c: pc_compat_9_1).
  fileprivate func defaultWidth() throws(Unknown) -> Int? {
    for family in ["pc-q35-", "pc-i440fx-"] {
      if let version = definition.machine.version(after: family) { return version <= (9, 1) ? 39 : 48 }
    }
    switch try definition.qemu.behaviour.value {
    case .shipped, .v3: return 48
    case .none: throw Unknown("default of aw-bits", reason: "it depends on the version of this QEMU")
    }
  }
}
