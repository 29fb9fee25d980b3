import Facts

/// The processor that `-cpu` names, and the width of its physical addresses (QEMU target/i386/cpu.c: x86_cpu_realizefn; recorded from
/// 7.2.22, 10.0.13 and 11.1.3).
public struct ProcessorWidth {
  /// The model.
  public let model: String
  /// `phys-bits`, as written last; nil without it.
  private let given: String?
  /// Whether KVM gives it its host's width.
  private let mayFollowHost: Bool
  private let hasLongMode: Bool

  /// Models without long mode. `486`, `base` and `pentium` have 32 address bits, the others 36 (`PSE36`).
  private static let narrow: Set<String> = ["486", "base", "pentium"]
  private static let of32Bits: Set<String> = narrow.union(["athlon", "coreduo", "kvm32", "n270", "pentium2", "pentium3", "qemu32"])

  /// Nil where the text is not known, or `-cpu` is not given.
  public init?(_ machine: MachineConfig) {
    guard let option = machine.options.last(where: { $0.name == "cpu" }), let text = option.value.string, !option.value.isOfShell
    else { return nil }
    let parts = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    model = parts[0]
    given = parts.dropFirst().last { $0.hasPrefix("phys-bits=") }.map { String($0.dropFirst(10)) }
    let isOfHost = parts.dropFirst().contains { $0.hasPrefix("host-phys-bits") } || ["host", "max"].contains(parts[0])
    mayFollowHost = isOfHost && machine.usesKVM != .known(false)
    hasLongMode = !ProcessorWidth.of32Bits.contains(parts[0]) && !parts.contains("-lm") && !parts.contains("lm=off")
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

  /// The refusal of `phys-bits`.
  fileprivate func refusal(_ qemu: QEMUProfile) -> String? {
    guard let given, !mayFollowHost, !QEMUNumber.mayBeBinary(given, in: qemu) else { return nil }
    let applied = "can't apply global \(model)-x86_64-cpu.phys-bits=\(given): Parameter 'phys-bits' expects "
    switch QEMUNumber.integer(given) {
    case nil: return applied + "uint64"
    case .negative?: return applied + "uint32_t"
    case .natural(let bits)? where bits > UInt32.max: return applied + "uint32_t"
    case .natural(0)?: return nil
    case .natural(let bits)? where hasLongMode:
      if !qemu.isBefore(11, 0) { return bits < 32 ? "phys-bits should be at least 32 (but is \(bits))" : nil }
      return 32...52 ~= bits ? nil : "phys-bits should be between 32 and 52  (but is \(bits))"
    case .natural?: return "phys-bits is not user-configurable in 32 bit"
    }
  }
}

extension MachineConfig {
  /// The refusal of `phys-bits` of `-cpu`.
  func widthRefusal(_ qemu: QEMUProfile) -> LaunchFailure? {
    let kind = MachineKind(self)
    guard kind == .q35 || kind == .i440fx || kind == .microvm, emulator == "qemu-system-x86_64",
      let place = options.last(where: { $0.name == "cpu" })?.location, let text = ProcessorWidth(self)?.refusal(qemu)
    else { return nil }
    return LaunchFailure(RealizeFailure(.badOption, text), at: place)
  }
}
