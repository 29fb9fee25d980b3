import Facts
import Prediction

/// Width of the guest's physical addresses as `-cpu` sets it. Without a setting QEMU uses 40 bits, which firmware does not
/// rely on.
struct GuestPhysBits {
  private let given: Int?
  private let limit: Int?
  /// The width of a model without a setting (QEMU target/i386/cpu.h: TCG_PHYS_ADDR_BITS).
  static let byDefault = 40

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

  /// Whether the width is a number in the definition, and not the host's.
  var isExplicit: Bool { given != nil }

  /// Advice to limit the width.
  func limitAdvice(_ bits: Int, in machine: MachineConfig) -> String {
    if machine.libvirt != nil {
      return isExplicit ? "set `<maxphysaddr mode='emulate' bits='\(bits)'/>` in `<cpu>`"
        : "set `<maxphysaddr mode='passthrough' limit='\(bits)'/>` in `<cpu>`"
    }
    return isExplicit ? "set `phys-bits=\(bits)` for `-cpu`" : "add `host-phys-bits-limit=\(bits)` to `-cpu`"
  }

  /// The width in bits.
  func bits(on host: Host) throws(Unknown) -> Int {
    if let given { return given }
    return min(try host.physicalAddressBits.value, limit ?? .max)
  }

  /// The width that a machine gives its guest.
  static func bits(of machine: MachineConfig, on host: Host) throws(Unknown) -> Int {
    guard let cpu = machine.options.last(where: { $0.name == "cpu" }) else { return GuestPhysBits.byDefault }
    guard let text = cpu.value.string else {
      throw Unknown("guest's physical address bits", reason: "libvirt chooses the processor's model")
    }
    guard let given = GuestPhysBits(text) else { return GuestPhysBits.byDefault }
    // Only KVM gives the guest its host's width (QEMU target/i386/host-cpu.c).
    if !given.isExplicit, machine.usesKVM == .known(false) { return GuestPhysBits.byDefault }
    return try given.bits(on: host)
  }
}

extension MachineConfig {
  /// `maxmem` of `-m`, in bytes.
  var maximumMemory: UInt64? { MemoryOption(self)?.maximum }
}
