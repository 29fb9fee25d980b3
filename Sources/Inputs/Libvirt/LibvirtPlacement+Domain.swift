import Facts
import Syntax

extension LibvirtReader {
  /// Refuses a domain for whose controllers and devices libvirt finds no address. What it chooses depends on refusals of what is given,
  /// which come first.
  mutating func validatePlaces(_ devices: [LibvirtDeviceElement], at whole: Location) {
    guard hasExpressRoot || isI440FX, definition.machine.libvirt?.refusals.isEmpty == true,
      var placement = placement(of: devices), let failure = placement.failure()
    else { return }
    refuse(failure.text, advice(failure), at: failure.location ?? whole)
  }

  private func advice(_ failure: LibvirtPlacement.Failure) -> String {
    if let slots = failure.slots {
      let named = slots.count == 1 ? "`slot='0x00'`" : "a slot from 0x\(LibvirtNumber.padded(UInt64(slots.lowerBound), 2)) to 0x1f"
      return "write \(named): libvirt adds a `\(failure.model)` for the bus, with \(slots.count == 1 ? "that slot" : "these slots") alone"
    }
    switch failure.model {
    case "pcie-to-pci-bridge": return "add a `pcie-root-port` with an index of its own: libvirt adds none for the bridge"
    case "pcie-switch-downstream-port": return "add a `pcie-switch-upstream-port`"
    case "pci-bridge": return "give it an `<address>` on a bus with a lower index, or pass fewer devices"
    case "pcie-root-port" where failure.location == nil: return "pass fewer devices, or put some behind one port as its functions"
    default: return hasExpressRoot ? "remove some of the controllers" : "use a q35 machine, or remove the controller"
    }
  }

  private func placement(of devices: [LibvirtDeviceElement]) -> LibvirtPlacement? {
    var declared: [LibvirtPlacement.Controller] = []
    var taken: [LibvirtPlacement.Taken] = []
    let highest = devices.lazy.filter { $0.name == "controller" && $0.type == "pci" }.compactMap(\.index).max() ?? 0
    for part in devices {
      let address = LibvirtControllerChecks.address(part)
      let isController = part.name == "controller" && part.type == "pci"
      if let address, !isController || Int(address.bus) <= highest {
        taken.append(
          LibvirtPlacement.Taken(
            bus: Int(address.bus), slot: Int(address.slot), function: Int(address.function),
            isExpress: LibvirtReader.isExpress(part), isPort: part.name == "controller" && part.element.value("model") == "pcie-root-port",
            text: address.text, location: location(address.element, part.path, "/address")))
      }
      guard isController, let index = part.index, index > 0, let model = part.element.value("model"),
        LibvirtControllerChecks.buses[model] != nil
      else { continue }
      // An address that a template makes.
      if address == nil, let given = part.element.child("address"),
        ["domain", "bus", "slot", "function"].contains(where: { given[$0].map(LibvirtNumber.parse) == .some(nil) }) { return nil }
      declared.append(
        LibvirtPlacement.Controller(
          index: index, model: model, location: location(part.element, part.path),
          bus: address.map { Int($0.bus) },
          isPlaced: address != nil || part.addressType ?? "pci" != "pci" || prefersOwnSlot(part, declared, devices)))
    }
    let count = chosenDevices(devices)
    return LibvirtPlacement(
      declared: declared, taken: taken, isExpress: hasExpressRoot, ownSlots: isVirt ? [] : [isI440FX ? 1 : 31],
      preferredSlots: preferredSlots(devices), conventional: count.conventional, express: count.express)
  }

  /// Whether libvirt puts it at the root's slot 0x1e, if that is free (libvirt src/qemu/qemu_domain_address.c:
  /// qemuDomainValidateDevicePCISlotsQ35).
  private func prefersOwnSlot(
    _ part: LibvirtDeviceElement, _ before: [LibvirtPlacement.Controller], _ devices: [LibvirtDeviceElement]
  ) -> Bool {
    part.element.value("model") == "dmi-to-pci-bridge" && hasExpressRoot && !isVirt
      && !before.contains { $0.model == "dmi-to-pci-bridge" } && !devices.contains { $0.place?.slotOfBus == 0x1e }
  }

  private func preferredSlots(_ devices: [LibvirtDeviceElement]) -> [Int] {
    if isVirt { return [] }
    var slots: [Int] = []
    if hasVideo(devices) { slots.append(isI440FX ? 2 : 1) }
    guard hasExpressRoot else { return slots }
    for part in devices where part.place == nil {
      let model = part.element.value("model")
      if part.name == "controller", model == "ich9-uhci1" { slots.append(0x1d) }
      if part.name == "controller", model == "dmi-to-pci-bridge" { slots.append(0x1e) }
      if part.name == "sound", model == "ich9" { slots.append(0x1b) }
    }
    return slots
  }

  /// Whether there is a first display without an address; libvirt adds one to graphics.
  private func hasVideo(_ devices: [LibvirtDeviceElement]) -> Bool {
    guard let video = devices.first(where: { $0.name == "video" }) else {
      return devices.contains { $0.name == "graphics" }
    }
    return video.place == nil && !["none", "ramfb"].contains(video.element.child("model")?.value("type") ?? "")
  }

  /// Devices for which libvirt chooses a slot, with the controllers that it adds for them.
  private func chosenDevices(_ devices: [LibvirtDeviceElement]) -> (conventional: Int, express: Int) {
    var conventional = 0
    var express = 0
    for device in definition.machine.devices {
      guard case .unknown = device.value("bus"), let driver = device.driver, !LibvirtReader.sharesSlot(driver) else { continue }
      if hasExpressRoot, LibvirtReader.isExpress(driver) { express += 1 } else { conventional += 1 }
    }
    let videos = devices.filter { $0.name == "video" && $0.place == nil }
    if let first = videos.first, hasVideo(devices), !isVirt {
      // The first display has a slot of its own.
      if hasExpressRoot, first.element.child("model")?.value("type") == "virtio" { express -= 1 } else { conventional -= 1 }
    }
    func lacks(_ type: String) -> Bool { !devices.contains { $0.name == "controller" && $0.type == type } }
    func isOn(_ bus: String, _ part: LibvirtDeviceElement) -> Bool {
      part.name == "disk" && part.element.child("target")?.value("bus") == bus
    }
    if lacks("scsi"), devices.contains(where: { isOn("scsi", $0) || $0.name == "hostdev" && $0.type == "scsi" }) { conventional += 1 }
    if lacks("sata"), isI440FX, devices.contains(where: { isOn("sata", $0) }) { conventional += 1 }
    if lacks("usb"), hasExpressRoot, !isVirt { express += 1 }
    if lacks("virtio-serial"),
      devices.contains(where: { ["channel", "console"].contains($0.name) && $0.element.child("target")?.value("type") == "virtio" }) {
      if hasExpressRoot { express += 1 } else { conventional += 1 }
    }
    return (max(0, conventional), max(0, express))
  }

  /// Controllers of PCI, which are placed before, and devices in the slot of another one.
  private static func sharesSlot(_ driver: String) -> Bool {
    driver.hasPrefix("ich9-usb-uhci") || driver == "piix3-usb-uhci" || placedBefore.contains(driver)
  }

  private static let placedBefore: Set<String> = [
    "pci-bridge", "i82801b11-bridge", "pcie-pci-bridge", "pcie-root-port", "ioh3420", "x3130-upstream", "xio3130-downstream", "pxb",
    "pxb-pcie", "intel-iommu", "amd-iommu", "arm-smmuv3"
  ]

  /// Whether a device is for PCI Express where there is a root of it; nil when it is not known.
  private static func isExpress(_ part: LibvirtDeviceElement) -> Bool? {
    if part.name == "hostdev" || part.isHostdevInterface { return true }
    let model = part.element.value("model") ?? part.element.child("model")?.value("type") ?? ""
    switch part.name {
    case "sound": return model == "virtio" ? nil : false
    case "watchdog": return model == "i6300esb" ? false : nil
    case "disk" where part.element.child("target")?.value("bus") != "virtio": return nil
    case "controller" where part.type == "virtio-serial", "disk": return part.element["model"] == nil ? true : nil
    default: break
    }
    if ["virtio", "virtio-scsi", "e1000e", "qemu-xhci", "nec-xhci"].contains(model) { return true }
    return ["e1000", "rtl8139", "vga", "qxl", "cirrus", "vmvga"].contains(model) ? false : nil
  }

  /// Whether it is for PCI Express where there is a root of it (libvirt src/qemu/qemu_domain_address.c:
  /// qemuDomainDeviceCalculatePCIConnectFlags). A host device is expected to be.
  private static func isExpress(_ driver: String) -> Bool {
    if driver.hasPrefix("virtio-") || driver.hasPrefix("vhost-") {
      return !driver.hasSuffix("-transitional") || driver.hasSuffix("-non-transitional")
    }
    return ["vfio-pci", "e1000e", "igb", "nec-usb-xhci", "qemu-xhci", "bochs-display", "nvme"].contains(driver)
  }
}
