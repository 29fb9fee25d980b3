import Facts
import Prediction

extension Rule {
  static let vtdAwBits = Rule(
    name: "vtd-aw-bits",
    severity: .error,
    summary: "addresses of the guest's IOMMU that the host's, or QEMU, does not have",
    why: """
      What the guest maps through its `intel-iommu` the host's IOMMU must be able to map too. QEMU compares the \
      two when a device is added, and refuses: `aw-bits 48 > host aw-bits 39`. The default is 48 since the 9.2 \
      machine types. Most desktop processors have 39, and a host in scalable mode may map 47. Besides 48 \
      `intel-iommu` takes only 39.
      """,
    fix: "set `aw-bits=39` for `intel-iommu`",
    example: "-machine q35 -device intel-iommu,caching-mode=on -device vfio-pci,host=0000:01:00.0   (on a host with 39 bits)",
    references: [
      "QEMU hw/i386/intel_iommu.c: vtd_check_hiod, vtd_decide_config", "QEMU hw/i386/pc.c: pc_compat_9_1",
      "VT-d 4.1 §11.4.2: MGAW",
    ],
    explains: [.addressWidthExceeded],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  guard let unit = try context.guestIOMMU("intel-iommu") else { return }
  let machine = context.target.machine
  let firstStage = try machine.firstStage(of: unit)
  let isGiven = try context.setting("aw-bits", of: unit) != nil
  if isGiven, try !offered(firstStage).contains(machine.addressWidth(of: unit, context.target.qemu)) {
    runner.report(
      "\(context.name) is behind an `intel-iommu` of \(try machine.addressWidth(of: unit, context.target.qemu)) bits, "
        + "which QEMU does not have: it does not start",
      at: unit.location(of: "aw-bits"), fix: firstStage ? "set `aw-bits=48`, the one width with `fsts=on`" : nil)
    return
  }
  let backend = try context.backend()
  let nests = firstStage && backend == .iommufd
  guard let host = try context.hostIOMMU(),
    let width = try context.host.mappedWidth(by: host, for: .known(backend), nests: nests)
  else { return }
  let bits = try machine.addressWidth(of: unit, context.target.qemu)
  guard try width.isExceeded(by: bits) else { return }
  // Where it nests, the host may fail before that.
  let words = width.isExact && !nests ? " with `aw-bits \(bits) > host aw-bits \(width.most)`" : ""
  runner.report(
    "\(context.name) is behind `\(host.name)`, which maps addresses of \(width.most) bits, and `intel-iommu` has \(bits)"
      + (isGiven ? "" : " by default") + ": QEMU refuses it" + words,
    at: unit.location(of: "aw-bits"), fix: firstStage ? "take `fsts=on` out, and set `aw-bits=39`" : nil,
    evidence: ["\(host.name): \(width.most) bits"])
}

/// QEMU hw/i386/intel_iommu.c: vtd_decide_config.
private func offered(_ firstStage: Bool) -> Set<Int> { firstStage ? [48] : [39, 48] }

extension DeviceContext {
  /// The host's IOMMU that serves the device; nil when none does.
  func hostIOMMU() throws(Unknown) -> IOMMUUnit? {
    let device = try device()
    return try target.host.iommu(of: device)
  }
}
