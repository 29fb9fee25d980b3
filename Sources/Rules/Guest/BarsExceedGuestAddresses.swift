import Facts
import Prediction

extension Rule {
  static let barsExceedGuestAddresses = Rule(
    name: "bars-exceed-guest-addresses",
    severity: .warning,
    summary: "the guest's firmware has no address space for the BARs of the devices",
    why: """
      Large BARs go above the guest's memory, within the physical address bits of its processor. A CPU model without a \
      setting has 40 of them, regardless of the host. OVMF uses an eighth of the address space for BARs, or \
      32 GiB where it does not trust the number of bits. A device whose BARs do not fit is present and unusable: the \
      guest logs `BAR 0: no space for [mem size 0x4000000000 64bit pref]`, and QEMU logs nothing.
      """,
    fix: "give the guest the host's address bits: `-cpu host`, or `host-phys-bits=on` for another model",
    example: "-cpu EPYC-v4 -bios OVMF.fd -device vfio-pci,host=0000:a1:00.0   (an MI300X, with a BAR of 256 GiB)",
    references: [
      "edk2 OvmfPkg/Library/PlatformInitLib/MemDetect.c: PlatformDynamicMmioWindow", "SeaBIOS src/fw/pciinit.c: pci_bios_map_devices",
      "QEMU target/i386/cpu.h: TCG_PHYS_ADDR_BITS", "https://github.com/tianocore/edk2/issues/9932",
    ],
    needsRealize: true, check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) throws(Unknown) {
  guard target.plugs.isEmpty, target.machine.isX86PC else { return }
  var needed: UInt64 = 0
  var largest: UInt64 = 0
  var owners: [DeviceContext] = []
  runner.forEach(runner.contexts(of: target)) { context, _ throws(Unknown) in
    let sizes = try WindowSizes(context.device())
    if sizes.prefetchable > 0 { owners.append(context) }
    needed = needed.addingReportingOverflow(sizes.prefetchable).overflow ? .max : needed + sizes.prefetchable
    largest = max(largest, sizes.largest)
  }
  // The least that any firmware has.
  guard needed > AddressSpace.least, let first = owners.first else { return }
  let space = try AddressSpace(target)
  let size = ByteSize.text(needed)
  let named = first.name + (owners.count > 1 ? " and \(owners.count - 1) more" : "")
  let why: String
  if !space.hasRoom(for: needed, alignedTo: largest) {
    why = "the guest has \(space.bits) physical address bits and \(ByteSize.text(space.memory)) of memory"
  } else if let window = space.window, needed > window {
    why = "OVMF's window for them has at most \(ByteSize.text(window)) with \(space.bits) physical address bits"
  } else {
    return
  }
  let cpu = target.machine.options.last { $0.name == "cpu" }
  runner.report(
    "the BARs of \(named) need \(size) above the guest's memory, and \(why)", at: cpu?.location ?? first.hostLocation,
    fix: try space.fix(needed, owners), evidence: ["64-bit BARs: \(size)", "largest: \(ByteSize.text(largest))"])
}

/// The guest's address space, as firmware sees it.
private struct AddressSpace {
  static let least: UInt64 = 32 << 30
  let target: LintTarget
  /// Physical address bits of the guest's processor.
  let bits: Int
  /// Guest memory in bytes, with the space for memory that is plugged in.
  let memory: UInt64
  /// The size of OVMF's window for 64-bit BARs in bytes; nil with SeaBIOS, which uses all that is free.
  let window: UInt64?

  init(_ target: LintTarget) throws(Unknown) {
    self.target = target
    let machine = target.machine
    bits = try ProcessorWidth.bits(target.width, of: machine, on: target.host)
    memory = max(try LockedMemory(machine).ram() ?? 128 << 20, MemoryOption(machine)?.maximum ?? 0)
    // OVMF limits itself to 47 bits, and places the window in the upper eighth.
    let dynamic: UInt64 = 1 << UInt64(min(max(bits, 36), 47) - 3)
    window = machine.hasUEFI ? max(AddressSpace.least, dynamic, machine.ovmfWindow ?? 0) : nil
  }

  /// Whether BARs of that size fit above the memory. Below 4 GiB there is a hole, which moves memory up.
  func hasRoom(for size: UInt64, alignedTo alignment: UInt64) -> Bool {
    guard bits < 63 else { return true }
    let (top, overflow) = max(memory, 2 << 30).addingReportingOverflow(2 << 30)
    let mask = WindowSizes.powerOfTwo(max(alignment, 1)) &- 1
    guard !overflow, top < 1 << UInt64(bits), mask < 1 << UInt64(bits) else { return false }
    let base = (top + mask) & ~mask
    return base < 1 << UInt64(bits) && size <= (1 << UInt64(bits)) - base
  }

  /// Advice to widen the guest's addresses, within what the host's IOMMUs map.
  func fix(_ needed: UInt64, _ owners: [DeviceContext]) throws(Unknown) -> String {
    if target.width?.is32Bit == true { return "give the guest a processor with long mode" }
    let wanted = max(64 - (max(needed, memory) - 1).leadingZeroBitCount + (window == nil ? 1 : 3), bits + 1)
    var limit = Int.max
    for owner in owners {
      if let width = try owner.hostIOMMU()?.addressWidth { limit = min(limit, try width.value) }
    }
    let host = try target.host.physicalAddressBits.value
    guard min(host, limit) >= wanted else {
      return "assign fewer devices, or devices with smaller BARs: the host has "
        + "\(host) physical address bits" + (limit < host ? ", and its IOMMU maps \(limit)" : "")
    }
    if target.machine.libvirt != nil {
      return "add `<maxphysaddr mode='passthrough'" + (limit < host ? " limit='\(limit)'" : "") + "/>` to `<cpu>`"
    }
    if target.machine.proxmox != nil, limit >= host { return "add `phys-bits=host` to `cpu:`, or write `cpu: host`" }
    let hasModel = target.machine.hasOption("cpu")
    // Only KVM has the host's processor and its width.
    if target.machine.usesKVM == .known(false) {
      return hasModel ? "add `phys-bits=\(wanted)` to `-cpu`" : "add `-cpu max,phys-bits=\(wanted)`"
    }
    return (hasModel ? "add `host-phys-bits=on" : "add `-cpu host") + (limit < host ? ",host-phys-bits-limit=\(limit)" : "") + "`"
      + (hasModel ? " to `-cpu`" : "")
  }
}

extension MachineConfig {
  /// The window that `-fw_cfg name=opt/ovmf/X-PciMmio64Mb,string=N` asks for, in bytes.
  fileprivate var ovmfWindow: UInt64? {
    let texts = options.filter { $0.name == "fw_cfg" }.compactMap(\.value.string)
    guard let text = texts.last(where: { $0.contains("opt/ovmf/X-PciMmio64Mb") }),
      let size = text.split(separator: ",").first(where: { $0.hasPrefix("string=") })
    else { return nil }
    return UInt64(size.dropFirst("string=".count)).flatMap { $0 <= .max >> 20 ? $0 << 20 : nil }
  }
}
