import Facts

/// Decides whether QEMU's refusal may be about the rehearsal's own accelerator, processor, memory, disks or directory.
struct OwnCause {
  /// Whether the definition asks for KVM. Distributions' machine types have the host's width of addresses there.
  let asksForKVM: Bool
  /// Whether the accelerator is the definition's, so that what QEMU says of it holds there too.
  let isOfTCG: Bool
  /// Values of the definition, which QEMU repeats in its messages.
  private let values: Set<String>

  init(asksForKVM: Bool, isOfTCG: Bool, parts: [RehearsalPlan.Part]) {
    self.asksForKVM = asksForKVM
    self.isOfTCG = isOfTCG
    values = Set(parts.filter { $0.location != nil }.flatMap { part in
      part.arguments.dropFirst().flatMap { $0.split(whereSeparator: { ",=\"".contains($0) }) }.map { $0.lowercased() }
    })
  }

  /// Words of messages about an accelerator, or about what only KVM has.
  private static let words: Set<Substring> = [
    "kvm", "irqchip", "x2apic", "hyperv", "accel", "accelerator", "accelerators", "accelerated", "acceleration", "tcg",
  ]
  private static let ofAccelerator = ["interrupt controller"]
  private static let phrases = ["null-co", "hubport"]
  /// Errors of the C library about a file that a rehearsal does not have, or a connection (errno(3)).
  private static let errors = [
    "no such file or directory", "permission denied", "read-only file system", "network is unreachable", "connection refused",
  ]
  /// Texts about a disk of another size than the definition's (QEMU hw/nvme/ns.c, hw/sd/sd.c, hw/block/block.c, hw/nvram/eeprom_at24c.c).
  private static let sizes = ["drive capacity", "emmc size", "card size", "block backend provides", "backing file size", "rom-size"]
  private static let memory = ["allocate memory", "failed to allocate"]

  /// - Parameter isLimited: whether the QEMU may not use all memory that the host has.
  func explains(_ message: String, isLimited: Bool = true) -> Bool {
    let text = message.lowercased()
    if asksForKVM, text.contains("phys-bits"), !text.hasSuffix("' not found") { return true }
    // A name of the rehearsal's own.
    if text.contains("vfiogate-") { return true }
    if OwnCause.sizes.contains(where: text.contains) { return true }
    if isLimited, OwnCause.memory.contains(where: text.contains) { return true }
    let bare = withoutValues(text)
    if OwnCause.errors.contains(where: bare.contains), !text.contains("romfile") { return true }
    if OwnCause.phrases.contains(where: bare.contains) { return true }
    if isOfTCG { return false }
    return OwnCause.ofAccelerator.contains(where: bare.contains)
      || bare.split { !$0.isASCII || !($0.isLetter || $0.isNumber) }.contains(where: OwnCause.words.contains)
  }

  /// The text without the definition's own values in quotes, and without paths.
  private func withoutValues(_ text: String) -> String {
    var kept: [Substring] = []
    var rest = text[...]
    while let open = rest.firstIndex(where: { $0 == "'" || $0 == "\"" }),
      let close = rest[rest.index(after: open)...].firstIndex(of: rest[open]) {
      let inner = rest[rest.index(after: open)..<close]
      kept.append(rest[..<open])
      if !values.contains(String(inner)), !inner.hasPrefix("/") { kept.append(inner) }
      rest = rest[rest.index(after: close)...]
    }
    kept.append(rest)
    return kept.joined(separator: " ").split(separator: " ").filter { !$0.hasPrefix("/") }.joined(separator: " ")
  }
}

extension RehearsalPlan {
  /// Causes of a refusal that are the rehearsal's own.
  /// - Parameter accelerator: that which QEMU has taken.
  func ownCause(_ accelerator: String) -> OwnCause {
    OwnCause(asksForKVM: asksForKVM, isOfTCG: isOfTCG && accelerator == "tcg", parts: parts)
  }

  /// The accelerators that a definition names; nil for one that only the shell knows.
  static func accelerators(of machine: MachineConfig) -> [String?] {
    (machine.options + machine.machine).filter { $0.name == "accel" }.map(\.value.string)
  }

  /// The rehearsal's accelerators. That of TCG has the definition's own properties where the definition leaves QEMU to it.
  mutating func addAccelerators(_ machine: MachineConfig) {
    let own = isOfTCG ? machine.options.last { $0.name == "accel" } : nil
    guard let own, let text = own.value.string, text != "tcg", !isShells(own.location), RehearsalPlan.isWritten(text) else {
      // The translation buffer of TCG is not used.
      return addOwn([Part(arguments: accelerators.flatMap { ["-accel", $0 == "tcg" ? "tcg,tb-size=32" : $0] }, location: nil)])
    }
    addOwn([Part(arguments: ["-accel", text.contains("tb-size") ? text : text + ",tb-size=32"], location: own.location)])
    addOwn([Part(arguments: ["-accel", "qtest"], location: nil)])
  }

  /// Whether a definition asks for KVM.
  static func asksForKVM(_ machine: MachineConfig) -> Bool {
    let named = accelerators(of: machine)
    return named.isEmpty ? machine.emulator?.hasSuffix("kvm") ?? false : named.contains { $0?.contains("kvm") ?? true }
  }
}
