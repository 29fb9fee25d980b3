import Facts

/// The processor that `-cpu` names, and the width of its physical addresses (QEMU target/i386/cpu.c: x86_cpu_realizefn; recorded from
/// 7.2.22, 10.0.13 and 11.1.3).
public struct ProcessorWidth {
  /// The model.
  public let model: String
  /// `phys-bits`, as written last; nil without it.
  private let given: String?
  /// `guest-phys-bits`, likewise.
  private let guestBits: String?
  /// Whether KVM gives it its host's width.
  private let mayFollowHost: Bool
  private let hasLongMode: Bool

  /// Models without long mode. `486`, `base` and `pentium` have 32 address bits, the others 36 (`PSE36`).
  private static let narrow: Set<String> = ["486", "base", "pentium"]
  private static let of32Bits: Set<String> = narrow.union(["athlon", "coreduo", "kvm32", "n270", "pentium2", "pentium3", "qemu32"])

  /// Nil where the text is not known, or no option is about the processor.
  public init?(_ machine: MachineConfig) {
    guard let processor = ProcessorModel(machine) else { return nil }
    func value(_ name: String) -> String? { processor.value(name, machine.globals) }
    if processor.location == nil, value("phys-bits") == nil, value("guest-phys-bits") == nil { return nil }
    model = processor.name
    given = value("phys-bits")
    guestBits = value("guest-phys-bits")
    let isOfHost = value("host-phys-bits") != nil || value("host-phys-bits-limit") != nil || ["host", "max"].contains(model)
    mayFollowHost = isOfHost && machine.usesKVM != .known(false)
    hasLongMode = !ProcessorWidth.of32Bits.contains(model) && !processor.removed.contains("lm") && value("lm") != "off"
  }

  /// Whether the guest has no 64-bit PCI hole (QEMU hw/i386/pc.c: pc_max_used_gpa).
  public var is32Bit: Bool { !hasLongMode }

  /// The bits that the text alone decides; nil where there are more ways.
  public var bits: Int? {
    if mayFollowHost { return nil }
    if hasLongMode { return given.flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil } }
    guard ProcessorWidth.of32Bits.contains(model) else { return nil }
    return ProcessorWidth.narrow.contains(model) ? 32 : 36
  }

  /// The refusal of a width whose text is a number.
  func refusal(_ qemu: QEMUProfile) -> String? {
    if mayFollowHost { return nil }
    let bits = number(given, qemu)
    if let bits, bits > 0 {
      if !hasLongMode { return "phys-bits is not user-configurable in 32 bit" }
      if qemu.isBefore(11, 0) {
        if !(32...52 ~= bits) { return "phys-bits should be between 32 and 52  (but is \(bits))" }
      } else if bits < 32 {
        return "phys-bits should be at least 32 (but is \(bits))"
      }
    }
    guard let ofGuest = number(guestBits, qemu), ofGuest > 0, given == nil || bits != nil else { return nil }
    if !hasLongMode { return "guest-phys-bits is not user-configurable in 32 bit" }
    // TCG_PHYS_ADDR_BITS, which is KVM's too (QEMU target/i386/cpu.h).
    let highest = bits.flatMap { $0 > 0 ? $0 : nil } ?? 40
    return 32...highest ~= ofGuest ? nil : "guest-phys-bits should be between 32 and \(highest)  (but is \(ofGuest))"
  }

  private func number(_ text: String?, _ qemu: QEMUProfile) -> UInt64? {
    guard let text, !QEMUNumber.mayBeBinary(text, in: qemu), case .natural(let bits)? = QEMUNumber.integer(text) else { return nil }
    return bits
  }
}
