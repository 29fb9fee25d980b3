import Facts
import Syntax

extension ProxmoxLowering {
  /// Values of `scsihw:`, which are QEMU's names but for one.
  private static let controllers: Set<String> = ["lsi", "lsi53c810", "virtio-scsi-pci", "virtio-scsi-single", "megasas", "pvscsi"]

  /// Disks with a PCI address, controllers of the others, and what else Proxmox puts at fixed slots: a device of `args:` may clash with
  /// each (qemu-server PVE/QemuServer.pm: config_to_command, PVE/QemuServer/PCI.pm: get_pci_addr_map).
  mutating func addStorage() {
    let hardware = config.text("scsihw") ?? "lsi"
    let isSingle = hardware == "virtio-scsi-single"
    if isSingle, !machine.isQ35 {
      add(
        [("driver", "pci-bridge"), ("id", "pci.3"), ("chassis_nr", "3"), ("bus", "pci.0"), ("addr", "0x5")], place("scsihw"))
    }
    var controllers: Set<String> = []
    func number(_ key: String, _ prefix: String, below limit: Int) -> Int? {
      guard key.hasPrefix(prefix), let number = Int(key.dropFirst(prefix.count)), (0..<limit).contains(number) else { return nil }
      return number
    }
    for entry in config.entries {
      var found: (driver: String, id: String, slot: ProxmoxSlots.Slot)?
      if let index = number(entry.key, "virtio", below: 16) {
        found = ("virtio-blk-pci", entry.key, ProxmoxSlots.disk(index))
      } else if number(entry.key, "sata", below: 6) != nil {
        found = ("ahci", "ahci0", ProxmoxSlots.Slot(bus: "pci.0", address: "0x7"))
      } else if ProxmoxLowering.controllers.contains(hardware), let index = number(entry.key, "scsi", below: 31) {
        // Seven disks fit on LSI's; a third controller is on a bus that few have.
        let controller = isSingle ? index : hardware.hasPrefix("lsi") ? index / 7 : 0
        let slot = isSingle ? ProxmoxSlots.Slot(bus: "pci.3", address: ProxmoxSlots.hex(1 + index))
          : ProxmoxSlots.Slot(bus: "pci.0", address: ProxmoxSlots.hex(5 + controller))
        if isSingle || controller < 2 {
          found = (isSingle ? "virtio-scsi-pci" : hardware, (isSingle ? "virtioscsi" : "scsihw") + "\(controller)", slot)
        }
      }
      guard let found, controllers.insert(found.id).inserted else { continue }
      let functions = found.driver == "ahci" ? [("multifunction", "on")] : []
      add(
        [("driver", found.driver), ("id", found.id)] + functions + [("bus", found.slot.bus), ("addr", found.slot.address)],
        config.location(entry))
    }
    addSerials()
  }

  /// The ports of the guest agent and of SPICE.
  private mutating func addSerials() {
    if let entry = config.entry("agent") {
      let agent = ProxmoxProperties(entry.value)
      if (agent[""] ?? agent["enabled"]) == "1", agent["type"] ?? "virtio" == "virtio" {
        add([("driver", "virtio-serial"), ("id", "qga0"), ("bus", "pci.0"), ("addr", "0x8")], config.location(entry))
      }
    }
    if display?.hasPrefix("qxl") == true {
      add([("driver", "virtio-serial"), ("id", "spice"), ("bus", "pci.0"), ("addr", "0x9")], place("vga"))
    }
  }
}
