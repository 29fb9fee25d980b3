import Facts

/// Devices that must have MSI or MSI-X, in a machine whose interrupt controller has none (QEMU hw/pci/msi.c: msi_init;
/// hw/pci/msix.c: msix_init).
extension RealizeContext {
  private static let withMSI: Set<String> = ["amd-iommu", "edu", "ioh3420", "x3130-upstream", "xio3130-downstream"]
  private static let withMSIX: Set<String> = ["igb", "pcie-root-port", "rocker"]
  /// Devices with an option for it, which do without by default.
  private static let byOption: Set<String> = [
    "ich9-intel-hda", "intel-hda", "megasas", "megasas-gen2", "mptsas1068", "nec-usb-xhci", "pci-bridge", "pcie-pci-bridge", "qemu-xhci",
  ]

  /// The failure of such a device (each PCI device of the recorded releases was tried).
  func withoutMSI() throws(Unknown) -> RealizeFailure? {
    func refused(_ name: String) throws(Unknown) -> RealizeFailure? {
      try machine.hasMSI(qemu) ? nil : RealizeFailure(.badOption, "\(name) is not supported by interrupt controller")
    }
    if RealizeContext.withMSI.contains(driver) { return try refused("MSI") }
    if RealizeContext.withMSIX.contains(driver) { return try refused("MSI-X") }
    guard RealizeContext.byOption.contains(driver) else { return nil }
    if try otherSetting("msi") == "on" { return try refused("MSI") }
    // In 10.0 `on` is a wish (observed).
    if qemu.isBefore(10, 1) { return nil }
    return try otherSetting("msix") == "on" ? try refused("MSI-X") : nil
  }
}

extension MachineConfig {
  /// Whether the interrupt controller of the machine has MSI; true where its kind is not modelled.
  fileprivate func hasMSI(_ qemu: QEMUProfile) throws(Unknown) -> Bool {
    switch MachineKind(self) {
    case .virt: return try !isWithoutITS(qemu)
    // The local APIC of a processor on x86 (QEMU hw/intc/apic.c: apic_realize).
    case .q35, .i440fx, .microvm: return try libvirt != nil ? true : hasAPIC(qemu)
    case .withoutPCI, .unknown: return true
    }
  }

  /// A GICv3 without ITS (observed on 7.2.22 and 10.0.13; 11.1.3 starts).
  private func isWithoutITS(_ qemu: QEMUProfile) throws(Unknown) -> Bool {
    guard qemu.isBefore(11, 1), let controller = machineOption("gic-version"), ["3", "4", "max"].contains(controller) else { return false }
    let usesKVM = try self.usesKVM.value
    let isOff = try machineSetting("its").value == "off" && (controller != "max" || !usesKVM)
    // Before 6.2 TCG had none.
    return isOff || !usesKVM && version(after: "virt-").map { $0 < (6, 2) } ?? false
  }

  /// Whether the processors have a local APIC: QEMU gives one to each of several (QEMU target/i386/cpu.c: x86_cpu_realizefn; recorded
  /// from 7.2.22, 10.0.13 and 11.1.3).
  private func hasAPIC(_ qemu: QEMUProfile) throws(Unknown) -> Bool {
    guard let processor = ProcessorModel(self) else {
      if hasOption("cpu") { throw Unknown("model of the processor", reason: "only the shell knows it") }
      return true
    }
    if processor.hasAPIC(globals) { return true }
    guard case .topology(let topology) = ProcessorTopology.read(self, qemu) else {
      throw Unknown("number of processors", reason: "its options are not known")
    }
    return topology.count > 1
  }
}
