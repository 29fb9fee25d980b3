import Facts

/// The checks of an IOMMU when QEMU creates it.
extension RealizeContext {
  private var kind: MachineKind { MachineKind(machine) }

  /// The failure of `intel-iommu` and `amd-iommu`, which are for q35 alone (QEMU hw/i386/pc_q35.c: machine_class_allow_dynamic_sysbus_dev),
  /// and of Arm's on x86.
  var dynamicSysbus: RealizeFailure? {
    if driver == "arm-smmuv3", machine.isOfX86 {
      return refused("driver", "'\(driver)' is not a valid device model name")
    }
    guard driver == "intel-iommu" || driver == "amd-iommu" else { return nil }
    switch kind {
    case .virt: return refused("driver", "'\(driver)' is not a valid device model name")  // QEMU for Arm has only its own
    case .i440fx, .microvm, .withoutPCI:
      return RealizeFailure(
        .iommuRefused, property: "driver", "Parameter 'driver' expects a dynamic sysbus device type for the machine")
    case .q35, .unknown: return nil
    }
  }

  /// QEMU hw/i386/pc.c: pc_machine_device_pre_plug_cb; hw/arm/virt.c: virt_machine_device_pre_plug_cb.
  var secondIOMMU: RealizeFailure? {
    if kind == .virt { return secondIOMMUOfVirt }
    guard Guest.isIOMMU(driver), driver != "arm-smmuv3", kind == .q35 || kind == .i440fx, !guest.iommus.isEmpty
    else { return nil }
    return RealizeFailure(
      .iommuRefused, property: "driver", "QEMU does not support multiple vIOMMUs for x86 yet.")
  }

  /// Several `arm-smmuv3` are allowed, and a `virtio-iommu-pci` behind them (recorded on 11.1.3; without them 7.2.22 is alike).
  /// QEMU continues after the refusal of an `arm-smmuv3`, and aborts when it refuses `accel=on` too.
  private var secondIOMMUOfVirt: RealizeFailure? {
    let isOfMachine = guest.iommus.contains { $0.has(Guest.ofMachine) }
    let isVirtio = guest.iommus.contains { $0.driver == "virtio-iommu-pci" }
    guard isOfMachine || isVirtio else { return nil }
    switch driver {
    case "arm-smmuv3":
      let lacksKVM = machine.usesKVM == .known(false) || machine.kernelIrqchip == .known("off")
      if lacksKVM, (try? isOn("accel")) == true {
        return RealizeFailure(.iommuRefused, property: "driver", "error_setv: Assertion `*errp == NULL' failed.", signal: "SIGABRT")
      }
      return refused(
        "driver", "virt machine already has \(isOfMachine ? "iommu=smmuv3" : "virtio-iommu") set. Doesn't support incompatible iommus")
    case "virtio-iommu-pci": return refused("driver", "virt machine does not support multiple IOMMUs")
    default: return nil
    }
  }

  func iommuFailure() throws(Unknown) -> RealizeFailure? {
    switch driver {
    case "arm-smmuv3": return try smmuFailure()
    case "intel-iommu": return try intelFailure()
    case "amd-iommu": return try amdFailure()
    case "virtio-iommu-pci": return try virtioFailure()
    // Only microvm has a bus for it, and none for its devices (QEMU hw/virtio/virtio-iommu.c: virtio_iommu_device_realize).
    case "virtio-iommu-device" where kind == .microvm && !settings.has("primary-bus"):
      return refused("driver", "VIRTIO-IOMMU is not attached to any PCI bus!")
    default: return nil
    }
  }

  /// The failure of an `arm-smmuv3` of a libvirt domain, whose numbers libvirt passes on.
  func failureOfLibvirtSMMU() throws(Unknown) -> RealizeFailure? {
    for name in ["oas", "ssidsize"] {
      guard let property = request.property(name), case .kind(let kind) = DeviceProperties.lookup(name, of: driver, in: qemu),
        let text = try PropertyChecks.refusal(name, property.value, kind: kind, of: request, in: qemu)
      else { continue }
      return refused(name, text)
    }
    return try iommuFailure()
  }

  private func refused(_ property: String, _ text: String) -> RealizeFailure {
    RealizeFailure(.iommuRefused, property: property, text)
  }

  private func isOn(_ name: String) throws(Unknown) -> Bool { try otherSetting(name) == "on" }

  /// QEMU hw/arm/smmuv3.c: smmu_validate_property (recorded on 11.1.3). The rules have
  /// `accel=on` without KVM, which comes before, and properties that need `accel=on`.
  private func smmuFailure() throws(Unknown) -> RealizeFailure? {
    guard !qemu.isBefore(11, 1) else { return nil }
    let isAccelerated = try isOn("accel")
    if isAccelerated, try !machine.usesKVM.value { return nil }
    if let failure = try machine.unsupportedOAS(of: request) { return failure }
    if isAccelerated, let stage = try otherSetting("stage"), stage != "1" {
      return MachineConfig.onlyFirstStage
    }
    // QEMU hw/arm/smmuv3.c: smmu_realize.
    if isAccelerated, machine.hasOption("only-migratable") {
      return RealizeFailure(
        .iommuRefused, property: "accel",
        "disallowing migration blocker (--only-migratable) for: Migration not supported with SMMUv3 accelerator mode enabled")
    }
    return try primaryBusFailure()
  }

  /// QEMU hw/i386/intel_iommu.c: vtd_decide_config, in its order.
  private func intelFailure() throws(Unknown) -> RealizeFailure? {
    if try isOn("eim"), try !remapsInterrupts() {
      return refused("eim", "eim=on cannot be selected without intremap=on")
    }
    // Machine types up to 2.7 have it without (observed on 7.2.22).
    let isChecked = qemu.isBefore(8, 0) && machine.version(after: "pc-q35-").map { $0 > (2, 7) } ?? true
    if isChecked, try isOn("eim"), try !isOn("x-buggy-eim"), try !hasSplitController() {
      return refused("eim", "eim=on requires accel=kvm,kernel-irqchip=split")
    }
    let isOld = qemu.isBefore(10, 1)
    // The names before they were stable.
    let (scalableName, firstName) = isOld ? ("x-scalable-mode", "x-flts") : ("scalable-mode", "fsts")
    let (scalable, first) = (try isOn(scalableName), try isOn(firstName))
    if first, !scalable { return refused(firstName, "\(firstName) is only available in scalable mode") }
    let width = try machine.addressWidth(of: request, qemu)
    if first ? width != 48 : width != 39 && width != 48 {
      if qemu.isBefore(8, 0) {
        return RealizeFailure(.badAddressWidth, property: "aw-bits", "Supported values for aw-bits are: 39, 48")
      }
      let mode = scalable ? "Scalable mode(\(isOld ? "flts" : "fsts")=\(first ? "on" : "off"))" : "Legacy mode"
      let values = first ? "supported value for aw-bits is: 48" : "supported values for aw-bits are: 39, 48"
      return RealizeFailure(.badAddressWidth, property: "aw-bits", "\(mode): \(values)")
    }
    if isOld {
      if scalable, try otherSetting("dma-drain") == "off" {
        return refused("dma-drain", "Need to set dma_drain for scalable mode")
      }
      let pasid = try isOn("x-pasid-mode")
      return pasid && !scalable ? refused("x-pasid-mode", "Need to set scalable mode for PASID") : nil
    }
    let pasid = try otherNumber("pasid-bits", default: 0)
    if pasid > 0, !scalable { return refused("pasid-bits", "Need to set scalable mode for PASID") }
    if pasid > 20 {
      return refused("pasid-bits", "PASID width \(pasid) exceeds Max PASID Width 20 allowed in PCI spec")
    }
    guard try isOn("svm") else { return nil }
    if try !isOn("device-iotlb") { return refused("svm", "Need to set device IOTLB for svm") }
    if !first { return refused("svm", "Need to set fsts for svm") }
    if try otherSetting("dma-translation") == "off" { return refused("svm", "Need to set dma-translation for svm") }
    return pasid == 0 ? refused("svm", "Need to set PASID support for svm") : nil
  }

  /// Whether KVM has the interrupt controller in part (QEMU accel/kvm/kvm-all.c: kvm_irqchip_is_split).
  private func hasSplitController() throws(Unknown) -> Bool {
    guard try machine.usesKVM.value else { return false }
    return try machine.kernelIrqchip.value == "split"
  }

  /// Whether the IOMMU remaps interrupts: `auto` does unless KVM's whole interrupt controller is in the kernel (QEMU
  /// hw/i386/x86-iommu.c: x86_iommu_realize).
  private func remapsInterrupts() throws(Unknown) -> Bool {
    switch try otherSetting("intremap") {
    case "on": return true
    case "off": return false
    default:
      guard try machine.usesKVM.value else { return true }
      // KVM's own default is `on`.
      return try machine.kernelIrqchip.value.map { $0 != "on" } ?? false
    }
  }

  /// QEMU hw/i386/amd_iommu.c: amdvi_sysbus_realize, which crashes when it fails (observed on 11.1.3).
  private func amdFailure() throws(Unknown) -> RealizeFailure? {
    guard let id = try otherSetting("pci-id") else { return nil }
    switch guest.ids[id] {
    case "AMDVI-PCI"?: return nil
    case nil: return RealizeFailure(.iommuRefused, property: "pci-id", "Cannot find PCI device '\(id)'", signal: "SIGSEGV")
    default:
      return RealizeFailure(
        .iommuRefused, property: "pci-id", "Device '\(id)' must be an AMDVI-PCI device type", signal: "SIGSEGV")
    }
  }

  /// QEMU hw/virtio/virtio-iommu-pci.c: virtio_iommu_pci_realize; virtio-iommu.c: virtio_iommu_device_realize.
  private func virtioFailure() throws(Unknown) -> RealizeFailure? {
    // QEMU hw/virtio/virtio-pci.c: virtio_pci_dc_realize.
    if try isOn("disable-modern"), try isOn("disable-legacy") {
      return refused("disable-modern", "device cannot work as neither modern nor legacy mode is enabled")
    }
    if kind == .microvm {
      return refused("driver", "Check your machine implements a hotplug handler for the virtio-iommu-pci device")
    }
    if let bus = try bus(), bus.kind != .root {
      return refused("bus", "virtio-iommu-pci must be plugged on the root bus")
    }
    let width = try otherNumber("aw-bits", default: 64)
    return 32...64 ~= width
      ? nil : RealizeFailure(.iommuRefused, property: "aw-bits", "aw-bits must be within [32,64]")
  }
}
