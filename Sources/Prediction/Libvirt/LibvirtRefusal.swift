import Facts

extension MachineConfig {
  /// The refusals of a domain's text, and of its IOMMUs (libvirt src/qemu/qemu_validate.c: qemuValidateDomainDeviceDefIOMMU, and
  /// src/conf/domain_validate.c: virDomainDefIOMMUValidate).
  public var libvirtRefusals: [LibvirtRefusal] {
    guard let libvirt else { return [] }
    let units = devices.filter { Guest.isIOMMU($0.driver ?? "") }
    var found = libvirt.refusals
    if units.count > 1, let other = units.first(where: { $0.driver != "arm-smmuv3" }) {
      found.append(
        LibvirtRefusal(
          text: "IOMMU model smmuv3 must be specified for multiple IOMMU definitions", fix: "remove all but one `<iommu>`",
          location: other.location))
    }
    for unit in units { found += refusals(of: unit) }
    if let option = machine.last(where: { $0.name == "iommu" }), option.value == .string("smmuv3"), !isArmVirt {
      found.append(notArmVirt(option.location))
    }
    if let count = libvirt.maximumVCPUs, count > 255, isQ35, !acceptsManyVCPUs(units) {
      found.append(
        LibvirtRefusal(
          text: "more than 255 vCPUs require either IOAPIC in QEMU or an iommu device with EIM or XTSup mode enabled",
          fix: "write `<ioapic driver='qemu'/>` in `<features>`, and "
            + "`<iommu model='intel'><driver intremap='on' caching_mode='on' eim='on'/></iommu>`",
          location: nil))
    }
    return found
  }

  private func refusals(of unit: DeviceRequest) -> [LibvirtRefusal] {
    func isOn(_ name: String) -> Bool { unit.value(name).map(QEMUBool.init) == .on }
    func refusal(_ text: String, _ fix: String, _ name: String) -> LibvirtRefusal {
      LibvirtRefusal(text: text, fix: fix, location: unit.location(of: name))
    }
    var found: [LibvirtRefusal] = []
    let names = ["intel-iommu": "intel", "amd-iommu": "amd"]
    if let model = unit.driver.flatMap({ names[$0] }), let type = machineType?.value.string, !isQ35 {
      found.append(
        refusal(
          "IOMMU device: '\(model)' is only supported with Q35 machines",
          "use a q35 machine with `pcie-root`, and not `\(type)`", "driver"))
    }
    if unit.driver == "virtio-iommu-pci" {
      if !isQ35, !isArmVirt {
        found.append(
          refusal(
            "IOMMU device: 'virtio' is only supported with Q35 and ARM Virt machines",
            "use a q35 machine, or `virt` of Arm", "driver"))
      } else if machineOption("acpi") == "off" {
        found.append(refusal("IOMMU device: 'virtio' requires ACPI", "add `<acpi/>` to `<features>`", "driver"))
      }
    }
    if unit.driver == "arm-smmuv3", !isArmVirt {
      found.append(notArmVirt(unit.location(of: "driver")))
    }
    if isOn("eim"), !isOn("intremap") {
      found.append(refusal("IOMMU eim requires interrupt remapping to be enabled", "add `intremap='on'` to its `<driver>`", "eim"))
    }
    if isOn("intremap"), machineOption("kernel_irqchip") != "split" {
      found.append(
        LibvirtRefusal(
          text: "IOMMU interrupt remapping requires split I/O APIC (ioapic driver='qemu')",
          fix: "write `<ioapic driver='qemu'/>` in `<features>`", location: unit.location(of: "intremap"),
          other: machine.last { $0.name == "kernel_irqchip" }?.location))
    }
    return found
  }

  private func notArmVirt(_ place: Location) -> LibvirtRefusal {
    LibvirtRefusal(
      text: "IOMMU device: 'smmuv3' is only supported with ARM Virt machines", fix: "use the machine `virt` of Arm", location: place)
  }

  /// The machine `virt` of an Arm emulator.
  private var isArmVirt: Bool {
    let type = machineType?.value.string ?? ""
    let isArm = emulator?.hasSuffix("aarch64") == true || emulator?.hasSuffix("-arm") == true
    return (type == "virt" || type.hasPrefix("virt-")) && (isArm || emulator?.hasPrefix("qemu-system-") != true)
  }

  private func acceptsManyVCPUs(_ units: [DeviceRequest]) -> Bool {
    if machineOption("kernel_irqchip") == "split" { return true }
    return units.contains { unit in ["eim", "xtsup"].contains { unit.value($0).map(QEMUBool.init) == .on } }
  }
}
