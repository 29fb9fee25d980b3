/// The guest slots that Proxmox gives its devices (qemu-server PVE/QemuServer/PCI.pm: get_pci_addr_map,
/// get_pcie_addr_map, print_pcie_root_port).
enum ProxmoxSlots {
  struct Slot {
    let bus: String
    /// The address as Proxmox writes it after `addr=`.
    let address: String
  }

  /// A host device on a conventional bus: `pci.0` for the first four, `pci.2` for the others.
  static func conventional(_ index: Int) -> Slot {
    let onRoot = [0x10, 0x11, 0x1b, 0x1c]
    return index < onRoot.count
      ? Slot(bus: "pci.0", address: hex(onRoot[index])) : Slot(bus: "pci.2", address: hex(0xd + index - 4))
  }

  /// A host device with `pcie=1`, on a root port of its own.
  static func express(_ index: Int) -> Slot { Slot(bus: "ich9-pcie-port-\(index + 1)", address: "0x0") }

  /// A host device with `pcie=1` for Windows 7, on the root bus.
  static func expressOnRoot(_ index: Int) -> Slot {
    let slots = [16, 17, 18, 19, 9, 10, 11, 12, 13, 14, 15, 21, 22, 23, 24, 25]
    return Slot(bus: "pcie.0", address: hex(slots[index]))
  }

  /// The root port that Proxmox adds for a host device from `hostpci4` on: the configuration file that goes
  /// with q35 has the first four. Eight of them share a slot.
  static func rootPort(_ index: Int) -> [(String, String)] {
    let number = index + 1
    let slot = index < 12 ? "10.\(index - 4)" : "11.\(index - 12)"
    return [
      ("driver", "pcie-root-port"), ("id", "ich9-pcie-port-\(number)"), ("addr", slot), ("x-speed", "16"),
      ("x-width", "32"), ("multifunction", "on"), ("bus", "pcie.0"), ("port", "\(number)"), ("chassis", "\(number)")
    ]
  }

  /// A virtio disk.
  static func disk(_ index: Int) -> Slot {
    index < 6 ? Slot(bus: "pci.0", address: hex(10 + index)) : Slot(bus: "pci.2", address: hex(index - 5))
  }

  /// A network card.
  static func network(_ index: Int) -> Slot {
    index < 6 ? Slot(bus: "pci.0", address: hex(18 + index)) : Slot(bus: "pci.1", address: hex(index - 5))
  }

  /// A controller of SCSI disks, of which the third and later are on a bus that is added for them.
  static func controller(_ index: Int) -> Slot {
    index < 2 ? Slot(bus: "pci.0", address: hex(5 + index)) : Slot(bus: "pci.4", address: hex(index - 1))
  }

  static func hex(_ number: Int) -> String { "0x" + String(number, radix: 16) }

  /// The file's name: a definition that names it is judged without it.
  static let configurationFile = "pve-q35-4.0.cfg"

  /// The devices of `/usr/share/qemu-server/pve-q35-4.0.cfg`, which every q35 machine of Proxmox is started
  /// with, in its order.
  static let q35Configuration: [[(String, String)]] = {
    var devices = usb(slot: "1d", controller: 1, firstFunction: 1, id: "ehci")
    devices += usb(slot: "1a", controller: 2, firstFunction: 4, id: "ehci-2")
    devices.append([("driver", "ich9-intel-hda"), ("id", "audio0"), ("bus", "pcie.0"), ("addr", "1b.0")])
    for number in 1...4 {
      devices.append([
        ("driver", "pcie-root-port"), ("id", "ich9-pcie-port-\(number)"), ("multifunction", "on"), ("bus", "pcie.0"),
        ("addr", "1c.\(number - 1)"), ("x-speed", "16"), ("x-width", "32"), ("port", "\(number)"), ("chassis", "\(number)")
      ])
    }
    devices.append([("driver", "i82801b11-bridge"), ("id", "pcidmi"), ("bus", "pcie.0"), ("addr", "1e.0")])
    for number in 1...4 {
      devices.append([
        ("driver", "pci-bridge"), ("id", "pci.\(number - 1)"), ("bus", "pcidmi"), ("addr", "\(number).0"),
        ("chassis_nr", "\(number)")
      ])
    }
    return devices
  }()

  /// The devices of `/usr/share/qemu-server/pve-usb.cfg`.
  static let usbConfiguration = usb(slot: "1d", controller: 1, firstFunction: 1, id: "ehci", bus: "pci.0")

  private static func usb(
    slot: String, controller: Int, firstFunction: Int, id: String, bus: String = "pcie.0"
  ) -> [[(String, String)]] {
    let main = [
      ("driver", "ich9-usb-ehci\(controller)"), ("id", id), ("multifunction", "on"), ("bus", bus), ("addr", "\(slot).7")
    ]
    return [main] + (0..<3).map { number in
      [
        ("driver", "ich9-usb-uhci\(firstFunction + number)"), ("id", "uhci-\(firstFunction + number)"),
        ("multifunction", "on"), ("bus", bus), ("addr", "\(slot).\(number)")
      ]
    }
  }
}
