import Facts
import Prediction

extension Rule {
  static let physBitsExceedIOMMU = Rule(
    name: "phys-bits-exceed-iommu",
    severity: .warning,
    summary: "the guest's processor has wider addresses than the host's IOMMU can map",
    why: """
      The guest's firmware puts large BARs to the top of what the processor can address. Where that is above \
      what the host's IOMMU maps, every mapping fails: `vfio_container_dma_map(…, 0x380000000000, …) = -22 \
      (Invalid argument)` floods the log, devices cannot reach each other, and the guest crawls.
      """,
    fix: "limit the guest's addresses to what the IOMMU maps: `host-phys-bits-limit=39` for `-cpu`",
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
  let bits = try setting.bits(on: context.host), most = try width.value
  guard bits > most else { return }
  runner.report(
    "the guest's addresses have \(bits) bits, and `\(unit.name)`, which serves \(context.name), maps \(most)",
    at: context.target.plugs.isEmpty ? cpu.location : context.request.location,
    fix: setting.isExplicit ? "set `phys-bits=\(most)` for `-cpu`" : "add `host-phys-bits-limit=\(most)` to `-cpu`",
    evidence: ["\(unit.name): \(most) bits"])
}

/// How wide a `-cpu` makes the guest's physical addresses. Without a word about it QEMU takes 40, which
/// firmware does not rely on.
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
      // A name alone switches it on (QEMU target/i386/cpu.c: x86_cpu_parse_featurestr).
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
