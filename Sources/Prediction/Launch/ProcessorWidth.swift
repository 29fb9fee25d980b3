import Facts

/// The processor that `-cpu` names, and the width of its physical addresses (QEMU target/i386/cpu.c: x86_cpu_realizefn; recorded from
/// 7.2.22, 10.0.13 and 11.1.3).
public struct ProcessorWidth: Sendable {
  /// The model.
  public let model: String
  /// `phys-bits`, as written last; nil without it.
  private let given: String?
  /// `guest-phys-bits`, likewise.
  private let guestBits: String?
  /// `host-phys-bits-limit`, likewise.
  private let limit: String?
  /// Whether KVM gives it its host's width, with which `host-phys-bits`, on in `host` and `max`, overrides `phys-bits` (QEMU
  /// target/i386/host-cpu.c: host_cpu_adjust_phys_bits).
  public let followsHost: Bool
  /// Whether it may do so by what is written.
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
    limit = value("host-phys-bits-limit")
    let hasHostModel = ["host", "max"].contains(model)
    let mayUseKVM = machine.usesKVM != .known(false)
    mayFollowHost = mayUseKVM && (hasHostModel || limit != nil || value("host-phys-bits") != nil)
    // Only KVM has the model `host`.
    followsHost = (mayUseKVM || model == "host") && (value("host-phys-bits").map { QEMUBool($0) == .on } ?? hasHostModel)
    // `-lm` comes last, and `+lm` behind `lm=` (recorded from 7.2.22 and 11.1.3).
    let lm = processor.added.contains("lm") ? "on" : value("lm")
    hasLongMode = !processor.removed.contains("lm") && (lm.map { QEMUBool($0) != .off } ?? !ProcessorWidth.of32Bits.contains(model))
  }

  /// Whether the guest has no 64-bit PCI hole (QEMU hw/i386/pc.c: pc_max_used_gpa).
  public var is32Bit: Bool { !hasLongMode }

  /// The bits that the text alone decides; nil where there are more ways.
  public var bits: Int? {
    if mayFollowHost { return nil }
    if hasLongMode { return ProcessorWidth.positive(given) }
    guard ProcessorWidth.of32Bits.contains(model) else { return nil }
    return ProcessorWidth.narrow.contains(model) ? 32 : 36
  }

  /// Whether a width is set, or is that of the host.
  public var isSet: Bool { followsHost || ProcessorWidth.positive(given) != nil }

  /// The width of a model without a setting, also with KVM (QEMU target/i386/cpu.h: TCG_PHYS_ADDR_BITS).
  public static let byDefault = 40

  /// The width in bits on a host.
  public func bits(of machine: MachineConfig, on host: Host) throws(Unknown) -> Int {
    if let bits { return bits }
    let given = ProcessorWidth.positive(given)
    if !followsHost { return given ?? ProcessorWidth.byDefault }
    let bits = min(try host.physicalAddressBits.value, ProcessorWidth.positive(limit) ?? .max)
    if let given, given != bits, model != "host" { _ = try machine.usesKVM.value }
    return bits
  }

  /// The width of a machine's processor, as firmware sees it.
  /// - Parameter width: that of the machine's `-cpu`, which is read once.
  public static func bits(_ width: ProcessorWidth?, of machine: MachineConfig, on host: Host) throws(Unknown) -> Int {
    if let width { return try width.bits(of: machine, on: host) }
    guard let cpu = machine.options.last(where: { $0.name == "cpu" }) else { return byDefault }
    let isChosen = cpu.value.string == nil && !cpu.value.isOfShell
    throw Unknown(
      "guest's physical address bits", reason: isChosen ? "libvirt chooses the processor's model" : "only the shell knows `-cpu`")
  }

  private static func positive(_ text: String?) -> Int? { text.flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil } }

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
    let highest = bits.flatMap { $0 > 0 ? $0 : nil } ?? UInt64(ProcessorWidth.byDefault)
    return 32...highest ~= ofGuest ? nil : "guest-phys-bits should be between 32 and \(highest)  (but is \(ofGuest))"
  }

  private func number(_ text: String?, _ qemu: QEMUProfile) -> UInt64? {
    guard let text, !QEMUNumber.mayBeBinary(text, in: qemu), case .natural(let bits)? = QEMUNumber.integer(text) else { return nil }
    return bits
  }
}
