import Facts
import Prediction

/// Width of the guest's physical addresses as `-cpu` sets it. Without a setting QEMU uses 40 bits, which firmware does not
/// rely on. With KVM `host-phys-bits`, which `host` and `max` have on, overrides `phys-bits` (QEMU target/i386/host-cpu.c:
/// host_cpu_adjust_phys_bits).
struct GuestPhysBits {
  private let given: Int?
  private let limit: Int?
  private let followsHost: Bool
  private let isHostModel: Bool
  /// The width of a model without a setting (QEMU target/i386/cpu.h: TCG_PHYS_ADDR_BITS).
  static let byDefault = 40

  init?(_ text: String, of machine: MachineConfig) {
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
    // Only KVM gives the guest its host's width, and only it has the model `host`.
    if machine.usesKVM == .known(false), model != "host" { followsHost = false }
    guard given != nil || followsHost else { return nil }
    self.given = given
    self.limit = limit
    self.followsHost = followsHost
    isHostModel = model == "host"
  }

  /// Advice to limit the width.
  func limitAdvice(_ bits: Int, in machine: MachineConfig) -> String {
    if machine.libvirt != nil {
      return followsHost ? "set `<maxphysaddr mode='passthrough' limit='\(bits)'/>` in `<cpu>`"
        : "set `<maxphysaddr mode='emulate' bits='\(bits)'/>` in `<cpu>`"
    }
    return followsHost ? "add `host-phys-bits-limit=\(bits)` to `-cpu`" : "set `phys-bits=\(bits)` for `-cpu`"
  }

  /// The width in bits.
  func bits(of machine: MachineConfig, on host: Host) throws(Unknown) -> Int {
    if !followsHost { return given ?? GuestPhysBits.byDefault }
    let bits = min(try host.physicalAddressBits.value, limit ?? .max)
    if let given, given != bits, !isHostModel { _ = try machine.usesKVM.value }
    return bits
  }

  /// The width that a machine gives its guest.
  static func bits(of machine: MachineConfig, on host: Host) throws(Unknown) -> Int {
    guard let cpu = machine.options.last(where: { $0.name == "cpu" }) else { return GuestPhysBits.byDefault }
    guard let text = cpu.value.string else {
      throw Unknown("guest's physical address bits", reason: "libvirt chooses the processor's model")
    }
    return try GuestPhysBits(text, of: machine)?.bits(of: machine, on: host) ?? GuestPhysBits.byDefault
  }
}

extension MachineConfig {
  /// `maxmem` of `-m`, in bytes.
  var maximumMemory: UInt64? { MemoryOption(self)?.maximum }
}
