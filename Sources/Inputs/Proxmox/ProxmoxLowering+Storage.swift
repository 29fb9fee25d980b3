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
        // Seven disks fit on LSI's.
        let controller = isSingle ? index : hardware.hasPrefix("lsi") ? index / 7 : 0
        let slot = isSingle ? ProxmoxSlots.Slot(bus: "pci.3", address: ProxmoxSlots.hex(1 + index)) : ProxmoxSlots.controller(controller)
        found = (isSingle ? "virtio-scsi-pci" : hardware, (isSingle ? "virtioscsi" : "scsihw") + "\(controller)", slot)
      }
      guard let found, controllers.insert(found.id).inserted else { continue }
      if found.slot.bus == "pci.4", controllers.insert("pci.4").inserted {
        add([("driver", "pci-bridge"), ("id", "pci.4"), ("chassis_nr", "4"), ("bus", "pci.1"), ("addr", "0x1c")], config.location(entry))
      }
      // The controllers' disks, which have no PCI address, are not lowered.
      let more = switch found.driver {
      case "ahci": [("multifunction", "on")]
      case "virtio-blk-pci": [("drive", "drive-" + entry.key)]
      default: [(String, String)]()
      }
      add(
        [("driver", found.driver), ("id", found.id)] + more + [("bus", found.slot.bus), ("addr", found.slot.address)],
        config.location(entry))
    }
    addSerials()
    addUSB()
    addOthers()
  }

  /// Controllers of USB (qemu-server PVE/QemuServer/USB.pm: get_usb_controllers). USB devices are not lowered.
  private mutating func addUSB() {
    let ports = config.entries.filter { entry in
      entry.key.hasPrefix("usb") && Int(entry.key.dropFirst(3)).map { (0..<14).contains($0) } == true
    }
    guard let first = ports.first else { return }
    let place = config.location(first)
    func isUSB3(_ entry: ProxmoxConfig.Entry) -> Bool { ProxmoxProperties(entry.value).flag("usb3") == true }
    let isModern = machine.isAtLeast(7, 1) && ["l26", "win8", "win10", "win11"].contains(config.text("ostype"))
    if !isModern, !machine.isQ35, !ports.allSatisfy(isUSB3) {
      for device in ProxmoxSlots.usbConfiguration { add(device, place) }
    }
    if isModern || ports.contains(where: isUSB3) {
      add([("driver", isModern ? "qemu-xhci" : "nec-usb-xhci"), ("id", "xhci"), ("bus", "pci.1"), ("addr", "0x1b")], place)
    }
  }

  /// Whether Proxmox makes a key=value device of an id that is not lowered, as it has no PCI address (qemu-server PVE/QemuServer.pm:
  /// print_drivedevice_full, print_tabletdevice_full, audio_devs; PVE/QemuServer/USB.pm). `-set` of `args:` may change it.
  func hasDevice(_ id: String) -> Bool {
    if id == "tablet" {
      let isUnneeded = display.map { $0.hasPrefix("qxl") || $0.hasPrefix("serial") } ?? false
      return config.flag("tablet", default: !isUnneeded)
    }
    if id.hasPrefix("audiodev0-codec") { return config.entry("audio0") != nil }
    return ["ide", "sata", "scsi", "usb"].contains { id.hasPrefix($0) } && config.entry(id) != nil
  }

  /// A watchdog, a random number generator, sound, shared memory, and the other cards of a display with several.
  private mutating func addOthers() {
    func properties(_ key: String) -> ProxmoxProperties? { config.entry(key).map { ProxmoxProperties($0.value) } }
    if let watchdog = properties("watchdog"), watchdog[""] ?? watchdog["model"] ?? "i6300esb" == "i6300esb" {
      add([("driver", "i6300esb"), ("bus", "pci.0"), ("addr", "0x4")], place("watchdog"))
    }
    if config.entry("rng0") != nil { add([("driver", "virtio-rng-pci"), ("bus", "pci.1"), ("addr", "0x1d")], place("rng0")) }
    if let card = properties("audio0")?["device"], ["AC97", "ich9-intel-hda", "intel-hda"].contains(card) {
      add([("driver", card), ("id", "audiodev0"), ("bus", "pci.2"), ("addr", "0xc")], place("audio0"))
    }
    if let memory = properties("ivshmem") {
      let object = [
        ("qom-type", "memory-backend-file"), ("id", "ivshmem"), ("share", "on"),
        ("mem-path", "/dev/shm/pve-shm-\(memory["name"] ?? "")"), ("size", "\(memory["size"] ?? "")M")
      ]
      let place = place("ivshmem")
      definition.machine.objects.append(
        ObjectRequest(properties: object.map { Property(name: $0.0, value: .string($0.1), location: place) }, location: place))
      let slot = machine.isQ35 ? ("pcie.0", "0x14") : ("pci.2", "0xb")
      add([("driver", "ivshmem-plain"), ("memdev", "ivshmem"), ("bus", slot.0), ("addr", slot.1)], place)
    }
    guard let display, display.hasPrefix("qxl"), config.text("ostype")?.hasPrefix("w") == true, let count = Int(display.dropFirst(3)),
      (2...4).contains(count)
    else { return }
    for index in 1..<count {
      add([("driver", "qxl"), ("id", "vga\(index)"), ("bus", "pci.0"), ("addr", ProxmoxSlots.hex(0x17 + index))], place("vga"))
    }
  }

  /// The ports of the guest agent and of SPICE.
  private mutating func addSerials() {
    if let entry = config.entry("agent") {
      let agent = ProxmoxProperties(entry.value)
      if agent.flag("") ?? agent.flag("enabled") == true, agent["type"] ?? "virtio" == "virtio" {
        add([("driver", "virtio-serial"), ("id", "qga0"), ("bus", "pci.0"), ("addr", "0x8")], config.location(entry))
      }
    }
    let clipboard = config.entry("vga").flatMap { ProxmoxProperties($0.value)["clipboard"] }
    if display?.hasPrefix("qxl") == true || display?.hasPrefix("virtio") == true || clipboard == "vnc" {
      add([("driver", "virtio-serial"), ("id", "spice"), ("bus", "pci.0"), ("addr", "0x9")], place("vga"))
    }
  }
}
