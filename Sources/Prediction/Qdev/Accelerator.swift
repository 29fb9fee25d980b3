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
}
