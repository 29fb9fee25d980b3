import Facts
import Prediction

extension Rule {
  static let addressSpaceTooSmall = Rule(
    name: "address-space-too-small",
    severity: .error,
    summary: "the guest's memory and its 64-bit PCI hole exceed the processor's physical address bits",
    why: """
      QEMU reserves `pci-hole64-size` bytes above the guest's memory, 32 GiB for q35 and 2 GiB for i440fx by default. \
      Where that ends beyond what the guest's processor can address, QEMU exits with `phys-bits too low`. A CPU model \
      without a setting has 40 bits, which is 1 TiB.
      """,
    fix: "give the guest more address bits: `host-phys-bits=on` or `phys-bits=N` for `-cpu`",
    example: "-cpu EPYC-v4 -global q35-pcihost.pci-hole64-size=1T -device vfio-pci,host=0000:a1:00.0",
    references: ["QEMU hw/i386/pc.c: pc_memory_init, pc_max_used_gpa"],
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) throws(Unknown) {
  let machine = target.machine
  guard target.plugs.isEmpty, machine.isX86PC, !target.contexts.isEmpty else { return }
  let width = target.width
  let hole = try machine.pciHole64(isAbsent: width?.is32Bit == true)
  let memory = try LockedMemory(machine).ram() ?? 128 << 20
  // Machine types up to 2.4 place the hole without regard to memory that may be plugged.
  let isFirst = ["pc-q35-", "pc-i440fx-"].contains { machine.version(after: $0).map { $0 <= (2, 4) } ?? false }
  let maximum = isFirst ? nil : MemoryOption(machine)?.maximum
  let total = max(memory, maximum ?? 0)
  // The least that is used: 3.5 GiB of memory, or what the machine sets, are below 4 GiB, and nothing is rounded.
  let low: UInt64 = machine.machine.contains { $0.name == "max-ram-below-4g" } ? 4 << 30 : 7 << 29
  let least = AddressRange.sum(4 << 30, memory > low ? memory - low : 0, total - memory, hole.size)
  // Each slot for memory may add a gigabyte, and on AMD memory moves above 1 TiB where it would get to 1012 GiB.
  let count = maximum == nil ? 0 : MemoryOption(machine)?.slots ?? 256
  let slots = 2 << 30 + min(count, 256) << 30
  let unmoved = AddressRange.sum(total, 4 << 30, hole.size, slots)
  let most = unmoved < 1012 << 30 ? unmoved : AddressRange.sum(unmoved, 1 << 40)
  // A host that holds such a guest has more bits.
  guard most > 1 << 38 || width?.bits != nil else { return }
  let bits = try ProcessorWidth.bits(width, of: machine, on: target.host)
  guard bits < 63, most > 1 << UInt64(bits) else { return }
  // Without a hole and without memory that may be plugged nothing is above.
  if width?.is32Bit == true, total == memory { return }
  guard least > 1 << UInt64(bits) else {
    throw Unknown("end of the guest's address space", reason: "it is close to the limit of \(bits) bits")
  }
  if target.qemu.isBefore(8, 0), bits <= 32 || machine.has32BitProcessor { return }
  guard target.qemu.modelledRelease != nil else {
    throw Unknown("limit of the guest's address space in \(target.qemu.name)", reason: "whether this QEMU checks it is not known")
  }
  let cpu = machine.options.last { $0.name == "cpu" }
  let holeText = hole.size == 0 ? "" : " and its PCI hole of \(ByteSize.text(hole.size))"
  runner.report(
    "the guest's memory of \(ByteSize.text(total))\(holeText) \(hole.size == 0 ? "does" : "do") not fit into \(bits) physical "
      + "address bits: QEMU exits with `phys-bits too low (\(bits))`", at: hole.location ?? cpu?.location,
    fix: width?.is32Bit == true ? "give the guest a processor with long mode, or less memory"
      : machine.usesKVM == .known(false)
      ? "give the guest more address bits: `phys-bits=N` for `-cpu`"
      // No setting gives a guest of KVM more bits than its host has.
      : target.host.physicalAddressBits.display.map { bits >= $0 } == true
        ? "give the guest less memory or a smaller `pci-hole64-size`: its processor has all \(bits) address bits of the host"
        : machine.proxmox != nil ? "give the guest more address bits: `phys-bits=host` in `cpu:`"
        : machine.libvirt != nil ? "give the guest more address bits: `<maxphysaddr mode='passthrough'/>` in `<cpu>`" : nil,
    evidence: ["address bits: \(bits)"])
}

/// Sums that stop at the largest number.
private enum AddressRange {
  static func sum(_ parts: UInt64...) -> UInt64 {
    parts.reduce(0) { sum, part in
      let (next, overflow) = sum.addingReportingOverflow(part)
      return overflow ? .max : next
    }
  }
}

extension MachineConfig {
  /// Whether the processor has 32 address bits, for which 7.2 reserves no hole (QEMU 7.2 hw/i386/pc.c: pc_max_used_gpa).
  fileprivate var has32BitProcessor: Bool {
    let model = options.last { $0.name == "cpu" }?.value.string?.split(separator: ",").first
    return model.map { ["486", "pentium", "qemu32"].contains($0) } ?? false
  }

  /// `pci-hole64-size` of the host bridge, by its `-global` or by default.
  fileprivate func pciHole64(isAbsent: Bool) throws(Unknown) -> (size: UInt64, location: Location?) {
    if isAbsent { return (0, nil) }
    let driver = isQ35 ? "q35-pcihost" : "i440FX-pcihost"
    guard let global = globals.last(where: { $0.driver == driver && $0.property == "pci-hole64-size" })
    else { return (isQ35 ? 32 << 30 : 2 << 30, nil) }
    guard let size = ByteSize.parse(global.value) else {
      throw Unknown("pci-hole64-size", reason: "`\(global.value)` is not a size that is understood")
    }
    return (size, global.location)
  }
}
