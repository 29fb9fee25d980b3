import Facts
import Prediction

extension Rule {
  static let vtdFstsNeedsIOMMUFD = Rule(
    name: "vtd-fsts-needs-iommufd",
    severity: .error,
    summary: "a vfio device that `intel-iommu` with `fsts=on` does not support",
    why: """
      With first-stage translation the host's IOMMU walks the guest's own page tables, per device. That requires the \
      iommufd backend, a host IOMMU with nested translation, and no conventional bridge above the device, because all \
      functions below one share its requester id.
      """,
    fix: "give the device `iommufd=`, and put it on an Express port",
    example: "-device intel-iommu,scalable-mode=on,fsts=on -device vfio-pci,host=0000:01:00.0",
    references: ["QEMU hw/i386/intel_iommu_accel.c: vtd_check_hiod_accel", "QEMU docs/devel/vfio-iommufd.rst"],
    explains: [.noNesting, .cachingModeOff, .firstStageWithoutIOMMUFD, .firstStageBelowBridge],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  guard let unit = try context.guestIOMMU("intel-iommu") else { return }
  // A host that maps less than the first stage needs never has it.
  let isTooNarrow = (try? context.prediction.addressWidths()?.isExceeded()) ?? false
  // vtd-aw-bits reports the others, and a width at which QEMU exits before.
  if try context.hasRefusedWidth(of: unit) { return }
  if isTooNarrow, try context.prediction.failure(.noNesting) == nil { return }
  if try context.prediction.failure(.firstStageWithoutIOMMUFD) != nil {
    if context.target.qemu.isBefore(10, 1) {
      return runner.report(
        "\(context.name) is behind `intel-iommu` with `\(unit.firstStageOption)`, which this QEMU supports for emulated devices alone: "
          + "QEMU refuses it",
        fix: context.replaceFirstStage(of: unit, isTooNarrow))
    }
    return runner.report(
      "\(context.name) uses the legacy backend behind `intel-iommu` with `fsts=on`, "
        + "which needs iommufd: QEMU refuses it",
      fix: context.useIOMMUFD ?? context.replaceFirstStage(of: unit, isTooNarrow))
  }
  let nests = try context.prediction.failure(.noNesting) == nil
  // Without the first stage the bus, which libvirt may choose, does not matter.
  let isBelowBridge = nests ? try context.prediction.failure(.firstStageBelowBridge) != nil : context.isBelowBridge
  if isBelowBridge, let bus = try context.prediction.bus,
    let bridge = context.prediction.guest.path(from: bus.name).first(where: { !$0.isExpress }) {
    runner.report(
      "\(context.name) is below the conventional bus `\(bridge.name)`, "
        + "and behind `intel-iommu` with `fsts=on`: QEMU refuses it",
      at: context.request.property("bus")?.location,
      fix: nests ? context.useExpressPort : context.replaceNesting(of: unit, isTooNarrow))
  } else if !nests, let host = try context.hostIOMMU() {
    runner.report(
      "\(context.name) is behind `intel-iommu` with `fsts=on`, and the host's `\(host.name)` has no nested translation: "
        + "QEMU fails with `Failed to allocate hwpt: Operation not supported`",
      fix: context.replaceNesting(of: unit, isTooNarrow))
  }
}

extension DeviceContext {
  fileprivate var isBelowBridge: Bool { (try? prediction.failure(.firstStageBelowBridge)) != nil }

  fileprivate func replaceFirstStage(of unit: DeviceRequest, _ isTooNarrow: Bool) -> String {
    if isTooNarrow { return withoutFirstStage(of: unit) }
    return "remove `\(unit.firstStageOption)` from `intel-iommu`, and \(set("caching-mode", "on", of: unit))"
  }

  /// The same for a host whose IOMMU does not nest.
  fileprivate func replaceNesting(of unit: DeviceRequest, _ isTooNarrow: Bool) -> String {
    replaceFirstStage(of: unit, isTooNarrow) + (isTooNarrow ? "" : "; or boot the host with `intel_iommu=on,sm_on` if it supports that")
  }
}
