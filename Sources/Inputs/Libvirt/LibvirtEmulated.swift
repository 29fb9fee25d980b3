import Facts
import Syntax

/// The guest's other PCI devices, as far as rules need them: their type and their slot.
extension LibvirtReader {
  mutating func readEmulated(_ devices: [LibvirtDeviceElement], in parent: XMLElement, _ path: String) {
    let interfaces = devices.count(where: \.isHostdevInterface)
    for part in devices {
      guard let driver = driver(of: part), let id = id(of: part, afterInterfaces: interfaces) else { continue }
      var device = LibvirtDevice(part)
      let channel = channelDriver(driver, part)
      device.set("driver", channel ?? driver)
      // libvirt src/qemu/qemu_command.c: qemuBuildNicDev.
      if driver.hasPrefix("virtio-net"), part.element.child("teaming")?.value("type") == "persistent" {
        device.set("failover", .bool(true))
      }
      device.set("id", id)
      guard channel != nil || place(&device) else { continue }
      definition.machine.devices.append(device.request())
    }
    guard !devices.contains(where: { $0.name == "memballoon" }), hasDefaultBalloon else { return }
    var balloon = LibvirtDevice(LibvirtDeviceElement(parent, LocationBase(source: source, path: path)))
    balloon.set("driver", isS390 ? "virtio-balloon-ccw" : "virtio-balloon-pci")
    balloon.set("id", "balloon0")
    if !isS390 { balloon.set("bus", .unknown("an address that libvirt chooses")) }
    definition.machine.devices.append(balloon.request())
  }

  /// Whether libvirt adds a balloon to a domain that does not mention one (libvirt src/qemu/qemu_postparse.c:
  /// qemuDomainDefAddDefaultDevices).
  private var hasDefaultBalloon: Bool {
    guard let type = definition.machine.machineType?.value.string else { return false }
    let architecture = definition.machine.emulator.flatMap { $0.split(separator: "-").last } ?? ""
    let without: Set<Substring> = ["aarch64", "arm", "riscv32", "riscv64", "loongarch64"]
    return !without.contains(architecture) && type != "isapc" && type != "microvm"
  }

  /// QEMU's name of a virtio device of z/Architecture, which is on a channel unless its address says PCI; nil for others.
  private func channelDriver(_ driver: String, _ part: LibvirtDeviceElement) -> String? {
    guard driver.hasSuffix("-pci"), driver.hasPrefix("virtio-") || driver.hasPrefix("vhost-") else { return nil }
    return part.addressType == "ccw" || part.addressType == nil && isS390 ? driver.dropLast(3) + "ccw" : nil
  }

  /// QEMU's name of the device; nil for one that is not on a PCI bus, or the machine's own.
  private func driver(of part: LibvirtDeviceElement) -> String? {
    let element = part.element
    var model: String { element.value("model") ?? "" }
    switch part.name {
    case "disk":
      return element.child("target")?.value("bus") == "virtio" ? virtio("virtio-blk-pci", model) : nil
    case "interface": return part.isHostdevInterface ? nil : network(element.child("model")?.value("type") ?? "")
    case "controller": return part.type == "pci" ? nil : controller(part, model)
    case "video": return video(element.child("model")?.value("type") ?? "", part.number)
    case "sound":
      return ["ich9": "ich9-intel-hda", "ich6": "intel-hda", "ac97": "AC97", "es1370": "ES1370",
        "virtio": "virtio-sound-pci"][model]
    case "memballoon": return model.hasPrefix("virtio") ? virtio("virtio-balloon-pci", model) : nil
    case "rng": return virtio("virtio-rng-pci", model)
    case "watchdog": return model == "i6300esb" ? "i6300esb" : nil
    case "input": return element.value("bus") == "virtio" ? input(element.value("type") ?? "") : nil
    case "filesystem":
      return element.child("driver")?.value("type") == "virtiofs" ? "vhost-user-fs-pci" : virtio("virtio-9p-pci", model)
    case "shmem":
      let kind = element.child("model")?.value("type")
      return kind == "ivshmem-doorbell" ? "ivshmem-doorbell" : "ivshmem-plain"
    case "vsock": return virtio("vhost-vsock-pci", model)
    case "memory":
      return ["virtio-mem": "virtio-mem-pci", "virtio-pmem": "virtio-pmem-pci"][model]
    case "crypto": return "virtio-crypto-pci"
    case "panic": return model == "pvpanic" ? "pvpanic-pci" : nil
    case "serial": return element.child("target")?.value("type") == "pci-serial" ? "pci-serial" : nil
    case "hostdev": return part.type == "scsi_host" ? virtio("vhost-scsi-pci", model) : nil
    default: return nil
    }
  }

  private func virtio(_ driver: String, _ model: String) -> String {
    if model.hasSuffix("-non-transitional") { return driver + "-non-transitional" }
    return model.hasSuffix("-transitional") ? driver + "-transitional" : driver
  }

  private func network(_ model: String) -> String? {
    switch model {
    case "virtio", "virtio-transitional", "virtio-non-transitional": return virtio("virtio-net-pci", model)
    // libvirt src/qemu/qemu_postparse.c: qemuDomainDefaultNetModel.
    case "": return isS390 || isVirt ? "virtio-net-pci" : "rtl8139"
    case "lan9118", "smc91c111", "usb-net", "spapr-vlan", "netfront": return nil
    default: return model
    }
  }

  private func controller(_ part: LibvirtDeviceElement, _ model: String) -> String? {
    let isFirst = part.index ?? 0 == 0
    switch part.type {
    case "usb": return usb(model)
    case "scsi": return scsi(model)
    case "virtio-serial": return virtio("virtio-serial-pci", model)
    case "sata": return isFirst && hasExpressRoot ? nil : "ich9-ahci"
    case "nvme": return "nvme"
    default: return nil
    }
  }

  private func usb(_ model: String) -> String? {
    switch model {
    case "", "piix3-uhci": return "piix3-usb-uhci"
    case "piix4-uhci": return "piix4-usb-uhci"
    case "vt82c686b-uhci": return "vt82c686b-usb-uhci"
    case "ehci": return "usb-ehci"
    case "nec-xhci": return "nec-usb-xhci"
    case "qemu-xhci", "pci-ohci": return model
    default: return model.hasPrefix("ich9-") ? "ich9-usb-" + model.dropFirst("ich9-".count) : nil
    }
  }

  private func scsi(_ model: String) -> String? {
    switch model {
    case "", "auto", "lsilogic": return "lsi53c895a"
    case "lsisas1068": return "mptsas1068"
    case "lsisas1078": return "megasas"
    case "vmpvscsi": return "pvscsi"
    case "dc390", "am53c974": return model
    case "ibmvscsi", "ncr53c90", "buslogic": return nil
    default: return virtio("virtio-scsi-pci", model)
    }
  }

  private func video(_ type: String, _ number: Int) -> String? {
    switch type {
    case "vga": return "VGA"
    case "cirrus": return "cirrus-vga"
    case "vmvga": return "vmware-svga"
    case "qxl": return number == 0 ? "qxl-vga" : "qxl"
    case "virtio": return number == 0 && definition.machine.emulator?.hasSuffix("aarch64") != true
      ? "virtio-vga" : "virtio-gpu-pci"
    case "bochs": return "bochs-display"
    default: return nil
    }
  }

  private func input(_ type: String) -> String? {
    switch type {
    case "mouse", "keyboard", "tablet": return "virtio-\(type)-pci"
    case "passthrough": return "virtio-input-host-pci"
    default: return nil
    }
  }

  /// libvirt src/qemu/qemu_alias.c; nil for a part of another device.
  private func id(of part: LibvirtDeviceElement, afterInterfaces interfaces: Int) -> String? {
    let element = part.element
    let number = part.number
    // Companions of an EHCI controller share its alias, and libvirt passes no id of theirs to QEMU.
    if part.name == "controller", element.value("model")?.hasPrefix("ich9-uhci") == true {
      return "\(part.type)-companion\(number)"
    }
    if let own = ownAlias(element) { return own }
    switch part.name {
    case "disk": return "virtio-disk\(LibvirtReader.diskNumber(element.child("target")?.value("dev") ?? "") ?? number)"
    case "controller":
      let index = part.index ?? 0
      return part.type == "usb" && index == 0 ? "usb" : part.type + String(index)
    // Host devices' aliases count on from those of interfaces.
    case "hostdev": return "hostdev\(number + interfaces)"
    case "interface": return "net\(number)"
    case "memballoon": return "balloon\(number)"
    case "filesystem": return "fs\(number)"
    case "memory": return "virtiomem\(number)"
    default: return "\(part.name)\(number)"
    }
  }

  /// `vda` is 0, `vdaa` 26.
  private static func diskNumber(_ name: String) -> Int? {
    var number = 0
    for byte in name.utf8.dropFirst(2) {
      guard byte >= 0x61, byte <= 0x7a, number < 1 << 20 else { return nil }
      number = number * 26 + Int(byte - 0x60)
    }
    return number > 0 ? number - 1 : nil
  }
}
