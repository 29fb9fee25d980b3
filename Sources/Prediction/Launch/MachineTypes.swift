import Facts

/// The processor that a program of QEMU emulates, by its name.
enum EmulatedProcessor {
  case x86, arm, other, unknown

  init(_ emulator: String?) {
    guard let emulator, emulator.hasPrefix("qemu-system-") else {
      self = .unknown
      return
    }
    switch emulator.dropFirst(12) {
    case "x86_64", "i386", "amd64", "x86_64-microvm": self = .x86
    case "aarch64", "arm", "arm64": self = .arm
    case let name: self = EmulatedProcessor.others.contains(where: name.hasPrefix) ? .other : .unknown
    }
  }

  private static let others = [
    "alpha", "avr", "hppa", "loongarch", "m68k", "microblaze", "mips", "or1k", "ppc", "riscv", "rx", "s390x", "sh4", "sparc", "tricore",
    "xtensa",
  ]
}

/// Machine types that a QEMU has.
extension MachineConfig {
  /// The releases of machine types, oldest first (`-machine help` of 11.1.3, 10.0.13 and 7.2.22 for x86, of 11.1.3 and 7.2.22 for
  /// Arm).
  private static let releases = [
    "1.4", "1.5", "1.6", "1.7", "2.0", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "2.7", "2.8", "2.9", "2.10", "2.11", "2.12",
    "3.0", "3.1", "4.0", "4.0.1", "4.1", "4.2", "5.0", "5.1", "5.2", "6.0", "6.1", "6.2", "7.0", "7.1", "7.2", "8.0", "8.1",
    "8.2", "9.0", "9.1", "9.2", "10.0", "10.1", "10.2", "11.0", "11.1",
  ]

  private static let families = ["pc-q35-", "pc-i440fx-", "virt-"]

  /// Whether a QEMU has the machine types of a release. q35's begin with 2.4, Arm's with 2.6, and only q35 has 4.0.1.
  private static func has(_ type: String, family: String, _ qemu: QEMURelease) -> Bool {
    let oldest = qemu == QEMURelease(11, 1) ? "5.2"
      : family == "virt-" ? "2.6" : qemu == QEMURelease(10, 0) || family == "pc-q35-" ? "2.4" : "1.4"
    guard let place = releases.firstIndex(of: type), let first = releases.firstIndex(of: oldest),
      let last = releases.firstIndex(of: "\(qemu)")
    else { return false }
    return first...last ~= place && (type != "4.0.1" || family == "pc-q35-")
  }

  /// Family and the rest of a versioned machine type.
  private static func parts(_ type: String) -> (family: String, release: String)? {
    families.first(where: type.hasPrefix).map { ($0, String(type.dropFirst($0.count))) }
  }

  /// The refusal of a machine type of another release or architecture (QEMU system/vl.c: select_machine). A distribution's own type
  /// is not decided here.
  func unknownType(_ qemu: QEMUProfile, isArm: Bool?) -> LaunchFailure? {
    if machineType == nil, libvirt == nil, missingPart == nil, unreadParts.isEmpty, EmulatedProcessor(emulator) == .arm {
      let place = Location(source: source, range: nil, path: "")
      return LaunchFailure(RealizeFailure(.unknownMachine, "No machine specified, and there is no default"), at: place)
    }
    guard let property = machineType, let type = property.value.string else { return nil }
    let isMissing: Bool
    if type.isEmpty || isOfOtherArchitecture(type, isArm) {
      isMissing = true
    } else if let modelled = qemu.modelledRelease, let (family, release) = MachineConfig.parts(type) {
      isMissing = release.isNumeric && !MachineConfig.has(release, family: family, modelled) && !isOfItsOwnQEMU(qemu)
    } else if qemu.modelledRelease != nil, proxmox == nil {
      isMissing = meantType(by: type) != nil || MachineConfig.isGone(type) && !isOfItsOwnQEMU(qemu)
    } else {
      isMissing = false
    }
    guard isMissing else { return nil }
    let text = "unsupported machine type" + (qemu.modelledRelease == QEMURelease(7, 2) ? "" : ": \"\(type)\"")
    return LaunchFailure(RealizeFailure(.unknownMachine, text), at: property.location)
  }

  /// Whether the machine type is that of the host's QEMU, and the QEMU that it is judged with is assumed: libvirt writes a versioned type
  /// of its QEMU into every domain.
  private func isOfItsOwnQEMU(_ qemu: QEMUProfile) -> Bool { libvirt != nil && qemu.isAssumed }

  /// Whether it is a PC of QEMU up to 1.3, which 6.0 removed, or the beginning of a type alone.
  private static func isGone(_ type: String) -> Bool {
    ["pc-q35", "pc-i440fx"].contains(type) || ["pc-0.", "pc-1."].contains { type.hasPrefix($0) && String(type.dropFirst(3)).isNumeric }
  }

  /// Machine types without a release, which are spelt right.
  private static let unversioned: Set<String> = ["q35", "pc", "microvm", "isapc", "none", "virt", "xenpv", "xenfv", "x-remote", "nitro"]

  /// Whether a PC's type has a name of QEMU's own, in any release.
  private static func isNamed(_ type: String) -> Bool {
    unversioned.contains(type) || isGone(type) || type.hasPrefix("xenfv-") && String(type.dropFirst(6)).isNumeric
  }

  /// The machine type that a misspelt one is one typing error away from, with the program of the type's architecture; nil for any other:
  /// a build of QEMU may have it.
  public func meantType(by type: String) -> String? {
    if MachineConfig.unversioned.contains(type) { return nil }
    switch emulator {
    case "qemu-system-x86_64", "qemu-system-i386": return Misspelling.meant(by: type, among: ["q35", "microvm"], errors: 1)
    case "qemu-system-aarch64": return Misspelling.meant(by: type, among: ["virt"], errors: 1)
    default: return nil
    }
  }

  /// Whether the program is known to be for another architecture than the machine type. The distribution's own names of the program
  /// leave it to the host.
  private func isOfOtherArchitecture(_ type: String, _ hostIsArm: Bool?) -> Bool {
    guard proxmox == nil else { return false }
    let target: EmulatedProcessor
    switch emulator {
    case "qemu-kvm", "kvm": target = hostIsArm.map { $0 ? .arm : .x86 } ?? .unknown
    default: target = EmulatedProcessor(emulator)
    }
    switch target {
    case .unknown: return false
    case .x86: return type == "virt" || type.hasPrefix("virt-")
    case .arm, .other:
      let family = MachineConfig.parts(type)?.family
      return ["q35", "pc", "microvm", "isapc"].contains(type) || family.map { $0 != "virt-" } ?? false
    }
  }

  /// The fact that is missing of a machine type of a distribution's QEMU, such as `pc-q35-noble`: a release as published does not have
  /// it. Another QEMU may.
  public func unknownMachineType(_ qemu: QEMUProfile) -> (fact: Unknown, location: Location)? {
    // The place of a device on a bus that the definition makes itself depends on nothing of the machine.
    if libvirt == nil, proxmox == nil, missingPart == nil, let property = machineType, case .unknown(let reason) = MachineKind(self) {
      let other = property.value.string.map { Unknown("machine type `\($0)`", reason: "it is not modelled; `--rehearse` asks QEMU") }
      return (other ?? Unknown("machine type", reason: reason), property.location)
    }
    guard qemu.isAsReleased, let modelled = qemu.modelledRelease, proxmox == nil, let property = machineType,
      let type = property.value.string
    else { return nil }
    func missing(_ reason: String) -> (fact: Unknown, location: Location) {
      (Unknown("machine type `\(type)`", reason: reason + "; `--qemu PATH` asks that one"), property.location)
    }
    guard let (family, release) = MachineConfig.parts(type) else {
      // Of any other definition the machine is not known. An assumed QEMU does not say what a distribution's has.
      let isOpen = libvirt != nil && !qemu.isAssumed && EmulatedProcessor(emulator) == .x86 && !MachineConfig.isNamed(type)
      return isOpen ? missing("\(qemu.name) does not have it, a distribution's QEMU may") : nil
    }
    if isOfItsOwnQEMU(qemu) {
      let isKnown = !release.isNumeric || MachineConfig.releases.contains(release)
      return isKnown ? nil : missing("\(qemu.name) does not have it, a newer QEMU may")
    }
    if !release.isNumeric { return missing("\(qemu.name) does not have it, a distribution's QEMU may") }
    // The oldest types of 10.0 for Arm are not recorded.
    if family == "virt-", modelled == QEMURelease(10, 0), release.hasPrefix("2."), MachineConfig.has(release, family: family, modelled) {
      return missing("not recorded of \(qemu.name)")
    }
    return nil
  }
}

extension String {
  /// Whether it has digits and dots alone.
  fileprivate var isNumeric: Bool { utf8.allSatisfy { $0.isASCIIDigit || $0 == UInt8(ascii: ".") } }
}
