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
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  guard let cpu = context.target.machine.options.last(where: { $0.name == "cpu" }),
    let setting = GuestPhysBits(cpu.value.string ?? ""), let unit = try context.hostIOMMU(),
    let width = unit.addressWidth
  else { return }
  let bits = try setting.bits(on: context.host), max = try width.value
  guard bits > max else { return }
  runner.report(
    "the guest has \(bits) physical address bits, and `\(unit.name)`, which serves \(context.name), maps \(max)",
    at: context.target.plugs.isEmpty ? cpu.location : context.request.location,
    fix: setting.isExplicit ? "set `phys-bits=\(max)` for `-cpu`" : "add `host-phys-bits-limit=\(max)` to `-cpu`",
    evidence: ["\(unit.name): \(max) bits"])
}

/// Width of the guest's physical addresses as `-cpu` sets it. Without a setting QEMU uses 40 bits, which firmware does not
/// rely on.
private struct GuestPhysBits {
  private let given: Int?
  private let limit: Int?

  init?(_ text: String) {
    let parts = Array(text.utf8).split(separator: UInt8(ascii: ","))
    var given: Int?
    var limit: Int?
    let model = parts.first.map { String(decoding: $0, as: UTF8.self) }
    var followsHost = model == "host" || model == "max"
    for part in parts {
      // A name alone enables it (QEMU target/i386/cpu.c: x86_cpu_parse_featurestr).
      let end = part.firstIndex(of: UInt8(ascii: "=")) ?? part.endIndex
      let value = end == part.endIndex ? "on" : String(decoding: part[(end + 1)...], as: UTF8.self)
      switch String(decoding: part[..<end], as: UTF8.self) {
      case "phys-bits": given = Int(value).flatMap { $0 > 0 ? $0 : nil }
      case "host-phys-bits-limit": limit = Int(value).flatMap { $0 > 0 ? $0 : nil }
      case "host-phys-bits": followsHost = QEMUBool(value) == .on
      default: break
      }
    }
    guard given != nil || followsHost else { return nil }
    self.given = given
    self.limit = limit
  }

  var isExplicit: Bool { given != nil }

  func bits(on host: Host) throws(Unknown) -> Int {
    if let given { return given }
    return min(try host.physicalAddressBits.value, limit ?? .max)
  }
}
