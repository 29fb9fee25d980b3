import Facts
import Prediction

extension Rule {
  static let vtdAwBits = Rule(
    name: "vtd-aw-bits",
    severity: .error,
    summary: "an address width of `intel-iommu` that the host's IOMMU, or QEMU, does not have",
    why: """
      The host's IOMMU has to map every address that the guest maps through its `intel-iommu`. QEMU compares the two \
      widths when a device is added, and refuses it: `aw-bits 48 > host aw-bits 39`. The default is 48 since the 9.2 \
      machine types, and `intel-iommu` supports only 39 and 48. Most desktop processors have 39, and a host in \
      scalable mode may map 47.
      """,
    fix: "set `aw-bits=39` for `intel-iommu`",
    example: "-machine q35 -device intel-iommu,caching-mode=on -device vfio-pci,host=0000:01:00.0   (on a host with 39 bits)",
    references: [
      "QEMU hw/i386/intel_iommu.c: vtd_check_hiod, vtd_decide_config", "QEMU hw/i386/pc.c: pc_compat_9_1",
      "VT-d 4.1 §11.4.2: MGAW",
    ],
    explains: [.addressWidthExceeded, .badAddressWidth, .noNesting, .firstStageWithoutIOMMUFD],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  guard let unit = try context.guestIOMMU("intel-iommu") else { return }
  let machine = context.target.machine
  let firstStage = try machine.firstStage(of: unit)
  let isGiven = try context.setting("aw-bits", of: unit) != nil
  if try context.hasRefusedWidth(of: unit) {
    // Its advice takes the first stage out where the host, or this QEMU, does not have it for assigned devices.
    let hasNesting = try context.prediction.failure(.noNesting) == nil && !context.target.qemu.isBefore(10, 1)
    runner.report(
      "\(context.name) is behind an `intel-iommu` of \(try machine.addressWidth(of: unit, context.target.qemu)) bits, "
        + "which QEMU does not support: it exits",
      at: unit.location(of: "aw-bits"),
      fix: !firstStage ? attribute(unit, context)
        : context.canMap48 && hasNesting ? "set `aw-bits=48` for `intel-iommu`, the only width with `\(unit.firstStageOption)`"
        : context.withoutFirstStage(of: unit))
    return
  }
  // vtd-fsts-needs-iommufd reports that, and its advice sets the width.
  if try context.prediction.failure(.noNesting) != nil { return }
  guard let widths = try context.prediction.addressWidths(), try widths.isExceeded() else { return }
  let max = widths.host.max
  // With nested translation the host may fail before that.
  let text = widths.host.isExact && !widths.nests ? " with `aw-bits \(widths.guest) > host aw-bits \(max)`" : ""
  runner.report(
    "\(context.name) is behind `\(widths.unit)`, which maps \(max) address bits, and `intel-iommu` has \(widths.guest)"
      + (isGiven ? "" : " by default") + ": QEMU refuses it" + text,
    at: unit.location(of: "aw-bits"),
    fix: firstStage ? context.withoutFirstStage(of: unit) : attribute(unit, context),
    evidence: ["\(widths.unit): \(max) bits"])
}

/// Widths that QEMU supports (hw/i386/intel_iommu.c: vtd_decide_config).
private func offered(_ firstStage: Bool) -> Set<Int> { firstStage ? [48] : [39, 48] }

/// Advice for libvirt and Proxmox, which have an attribute and a key of their own.
private func attribute(_ unit: DeviceRequest, _ context: DeviceContext) -> String? {
  if context.target.machine.proxmox != nil, unit.location.path == "machine" { return "add `aw-bits=39` to `machine:`" }
  return unit.isLibvirtIOMMU ? context.set("aw-bits", "39", of: unit) : nil
}

extension DeviceContext {
  /// Whether a width is written that QEMU does not support.
  func hasRefusedWidth(of unit: DeviceRequest) throws(Unknown) -> Bool {
    let machine = target.machine
    guard try setting("aw-bits", of: unit) != nil else { return false }
    return try !offered(machine.firstStage(of: unit)).contains(machine.addressWidth(of: unit, target.qemu))
  }

  /// Advice for a host whose IOMMU does not map what the first stage needs; without it VT-d needs caching-mode.
  func withoutFirstStage(of unit: DeviceRequest) -> String {
    "remove `\(unit.firstStageOption)` from `intel-iommu`, and "
      + (unit.isLibvirtIOMMU ? "write `caching_mode='on' aw_bits='39'` in the `<driver>` of `<iommu>`"
        : "set `caching-mode=on,aw-bits=39` for `intel-iommu`")
  }

  /// Whether the host's IOMMU may map 48 bits.
  fileprivate var canMap48: Bool {
    guard let unit = try? hostIOMMU(), case .known(let width)? = unit.addressWidth else { return true }
    return width >= 48
  }

  /// Whether the host's IOMMU is known to map less than the default of a guest's VT-d.
  var isNarrow: Bool { if let unit = try? hostIOMMU(), case .known(let width)? = unit.addressWidth { width < 48 } else { false } }

  /// The host's IOMMU that serves the device; nil when none does.
  func hostIOMMU() throws(Unknown) -> IOMMUUnit? {
    let device = try device()
    return try target.host.iommu(of: device)
  }
}

extension DeviceRequest {
  /// The option of an `intel-iommu` for first-stage translation, which QEMU 10.0 had under another name.
  var firstStageOption: String { has("x-flts") ? "x-flts=on" : "fsts=on" }
}
