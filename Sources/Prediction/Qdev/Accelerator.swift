import Facts

extension MachineConfig {
  /// Whether KVM runs the machine: by `-accel`, `-enable-kvm` or `-machine accel=`; a program named `kvm` uses it by
  /// default (QEMU system/vl.c: configure_accelerators).
  public var usesKVM: Known<Bool> {
    if let missing = missingPart { return .unknown("accelerator", missing) }
    if hasOption("enable-kvm") { return .known(true) }
    let accelerator = options.first { $0.name == "accel" }?.value ?? machine.last { $0.name == "accel" }?.value
    switch accelerator {
    case .string(let text) where text.contains("$"), .unknown(let text):
      return .unknown("accelerator", "written as \(text)")
    case .string(let text):
      let first = text.split { $0 == "," || $0 == ":" }.first.map(String.init) ?? ""
      return .known(first == "kvm" || first == "accel=kvm")
    default: return .known(emulator?.hasSuffix("kvm") ?? false)
    }
  }

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
  /// accelerator that is named, and with none but TCG refuses `-cpu host` (observed on 7.2.22 and 11.1.3). Proxmox, which runs as root,
  /// does not start it (qemu-server PVE/QemuServer.pm: config_to_command).
  func inaccessibleKVM(on host: Host) -> LaunchFailure? {
    guard libvirt == nil, usesKVM == .known(true), case .known(let access) = host.kvm, access != .accessible else { return nil }
    let given = options.filter { $0.name == "accel" || $0.name == "enable-kvm" } + machine.filter { $0.name == "accel" }
    guard let first = given.first, !given.contains(where: { $0.value.string?.contains("device=") == true }) else { return nil }
    if given.count > 1 || first.value.string?.contains(":") == true {
      guard let cpu = options.last(where: { $0.name == "cpu" }), cpu.value.string?.split(separator: ",").first == "host" else { return nil }
      return LaunchFailure(RealizeFailure(.noKVM, "CPU model 'host' requires KVM or HVF"), at: cpu.location)
    }
    if proxmox != nil {
      let text = "KVM virtualisation configured, but not available. Either disable in VM configuration or enable in BIOS."
      return access == .absent ? LaunchFailure(RealizeFailure(.noKVM, text), at: first.location) : nil
    }
    let error = access == .absent ? "No such file or directory" : "Permission denied"
    return LaunchFailure(RealizeFailure(.noKVM, "Could not access KVM kernel module: " + error), at: first.location)
  }
}
