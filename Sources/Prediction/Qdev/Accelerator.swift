import Facts

extension MachineConfig {
  /// An accelerator that QEMU may use.
  struct Accelerator {
    /// Nil where only the shell knows it.
    let name: String?
    /// The option that names it; nil for the program's own.
    let option: Property?

    /// Whether QEMU for Linux does not have it: it prints that, and tries the next.
    var isMissing: Bool { name.map { !MachineConfig.accelerators.contains($0) || ["hax", "hvf", "nvmm", "whpx"].contains($0) } ?? false }
  }

  /// The accelerators in the order in which QEMU tries them: each `-accel`, or those of the last `-machine accel=`, or the program's; one
  /// named `kvm` tries KVM first (QEMU system/vl.c: configure_accelerators). `-enable-kvm` is read as `-machine accel=kvm`.
  var triedAccelerators: [Accelerator] {
    let options = options.filter { $0.name == "accel" }
    if !options.isEmpty {
      return options.map { option in
        guard let text = option.value.string, !text.contains("$") else { return Accelerator(name: nil, option: option) }
        return Accelerator(name: OptionText.items(text, implied: "accel").last { $0.key == "accel" }?.value ?? "", option: option)
      }
    }
    guard let property = machine.last(where: { $0.name == "accel" }) else {
      let isNamedKVM = emulator?.hasSuffix("kvm") ?? false
      return (isNamedKVM ? ["kvm", "tcg"] : ["tcg", "kvm"]).map { Accelerator(name: $0, option: nil) }
    }
    guard let text = property.value.string, !text.contains("$") else { return [Accelerator(name: nil, option: property)] }
    return text.split(separator: ":", omittingEmptySubsequences: false).map { Accelerator(name: String($0), option: property) }
  }

  /// Whether KVM runs the machine, on a host that has it.
  public var usesKVM: Known<Bool> {
    if let missing = missingPart { return .unknown("accelerator", missing) }
    guard let first = triedAccelerators.first(where: { !$0.isMissing }) else { return .known(false) }
    if let name = first.name { return .known(name == "kvm") }
    switch first.option?.value {
    case .string(let text), .unknown(let text): return .unknown("accelerator", "written as \(text)")
    default: return .known(false)
    }
  }

  /// Whether TCG, which every QEMU has, runs the machine.
  var usesTCG: Bool { missingPart == nil && triedAccelerators.first { !$0.isMissing }?.name == "tcg" }

  /// `kernel-irqchip`, of the machine or of the accelerator; nil when it is not given.
  public var kernelIrqchip: Known<String?> {
    let ofMachine = machineSetting("kernel-irqchip")
    guard case .known(nil) = ofMachine else { return ofMachine }
    for option in options where option.name == "accel" {
      for part in (option.value.string ?? "").split(separator: ",") {
        guard let value = part.split(separator: "=", maxSplits: 1).last, part.hasPrefix("kernel-irqchip=") else { continue }
        if value.contains("$") { return .unknown("kernel-irqchip", "written as \(value)") }
        return .known(String(value))
      }
    }
    // QEMU hw/i386/pc_q35.c: pc_q35_4_0_machine_options.
    return .known(machineType?.value == .string("pc-q35-4.0") ? "split" : nil)
  }

  /// The failure of KVM where the host does not have it, or not for this user (QEMU accel/kvm/kvm-all.c: kvm_init). QEMU tries the next
  /// accelerator, and with TCG refuses `-cpu host` (observed on 7.2.22 and 11.1.3). Proxmox, which runs as root, does not start it
  /// (qemu-server PVE/QemuServer.pm: config_to_command).
  func inaccessibleKVM(on host: Host) -> LaunchFailure? {
    guard libvirt == nil, case .known(let access) = host.kvm, access != .accessible else { return nil }
    if let proxmox {
      let text = "KVM virtualisation configured, but not available. Either disable in VM configuration or enable in BIOS."
      guard access == .absent, proxmox.needsKVM else { return nil }
      return LaunchFailure(RealizeFailure(.noKVM, text), at: Location(source: source, range: nil, path: ""))
    }
    guard usesKVM == .known(true) else { return nil }
    var first: Property?
    for accelerator in triedAccelerators where !accelerator.isMissing {
      // `device=` is another node.
      if accelerator.name == "tcg", let cpu = processorOfHost {
        return LaunchFailure(RealizeFailure(.noKVM, MachineConfig.refusalOfHostProcessor), at: cpu.location)
      }
      guard accelerator.name == "kvm", accelerator.option?.value.string?.contains("device=") != true else { return nil }
      first = first ?? accelerator.option
    }
    let error = access == .absent ? "No such file or directory" : "Permission denied"
    return first.map { LaunchFailure(RealizeFailure(.noKVM, "Could not access KVM kernel module: " + error), at: $0.location) }
  }

  static let refusalOfHostProcessor = "CPU model 'host' requires KVM or HVF"

  /// `-cpu host` of a PC (QEMU target/i386/cpu.c: x86_cpu_realizefn).
  var processorOfHost: Property? {
    let kind = MachineKind(self)
    guard kind == .q35 || kind == .i440fx, let cpu = options.last(where: { $0.name == "cpu" }) else { return nil }
    return cpu.value.string?.split(separator: ",").first == "host" ? cpu : nil
  }
}
