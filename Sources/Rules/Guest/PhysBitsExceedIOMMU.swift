import Facts
import Prediction

extension Rule {
  static let physBitsExceedIOMMU = Rule(
    name: "phys-bits-exceed-iommu",
    severity: .warning,
    summary: "the guest's physical addresses are wider than the host's IOMMU can map",
    why: """
      The guest's firmware places large BARs at the top of the processor's address range. Where that is above the \
      IOMMU's range, every mapping fails: `vfio_container_dma_map(…, 0x380000000000, …) = -22 (Invalid argument)` \
      floods the log, devices cannot access each other, and the guest is very slow.
      """,
    fix: "limit the guest's addresses to the IOMMU's width: `host-phys-bits-limit=39` for `-cpu`",
    example: "-cpu host -device vfio-pci,host=0000:01:00.0   (a processor with 46 bits, an IOMMU with 39)",
    references: [
      "https://github.com/bpg/terraform-provider-proxmox/issues/1353", "QEMU target/i386/host-cpu.c: host_cpu_adjust_phys_bits",
      "VT-d 4.1 §11.4.2: MGAW",
    ],
    needsRealize: true, check: .target(check))
}

/// Reports the narrowest unit once, and not for each device.
private func check(_ target: LintTarget, _ runner: inout RuleRunner) throws(Unknown) {
  let machine = target.machine
  guard let cpu = machine.options.last(where: { $0.name == "cpu" }), let width = target.width, width.isSet else { return }
  var narrow: [(name: String, unit: String, width: Int)] = []
  runner.forEach(runner.contexts(of: target)) { context, _ throws(Unknown) in
    guard let unit = try context.hostIOMMU(), let addressWidth = unit.addressWidth else { return }
    let bits = try width.bits(of: machine, on: context.host), max = try addressWidth.value
    if bits > max { narrow.append((context.name, unit.name, max)) }
  }
  guard let first = narrow.min(by: { $0.width < $1.width }) else { return }
  let bits = try width.bits(of: machine, on: target.host)
  let served = narrow.filter { $0.unit == first.unit }
  runner.report(
    "the guest has \(bits) physical address bits, and `\(first.unit)`, which serves \(served[0].name)"
      + (served.count > 1 ? " and \(served.count - 1) more" : "") + ", maps \(first.width)",
    at: target.plugs.isEmpty ? cpu.location : target.plugs.first?.location,
    fix: width.limitAdvice(first.width, in: machine), evidence: ["\(first.unit): \(first.width) bits"])
}

extension ProcessorWidth {
  fileprivate func limitAdvice(_ bits: Int, in machine: MachineConfig) -> String {
    if machine.libvirt != nil {
      return followsHost ? "set `<maxphysaddr mode='passthrough' limit='\(bits)'/>` in `<cpu>`"
        : "set `<maxphysaddr mode='emulate' bits='\(bits)'/>` in `<cpu>`"
    }
    if machine.proxmox != nil {
      return followsHost
        ? "write `args: -cpu \(model == "host" ? "host" : "max"),host-phys-bits-limit=\(bits)`, or add it to `args:`"
        : "write `phys-bits=\(bits)` in `cpu:`"
    }
    return followsHost ? "add `host-phys-bits-limit=\(bits)` to `-cpu`" : "set `phys-bits=\(bits)` for `-cpu`"
  }
}
