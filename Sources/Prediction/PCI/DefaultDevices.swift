import Facts

/// A device that QEMU adds to the machine's own bus before those of `-device`.
enum AddedDevice: Hashable {
  /// A device in the first free slot.
  case placed(SlotDevice)
  /// A device in the slot that its option names.
  case fixed(SlotDevice, slot: Int)
  /// A device of which type or slot are not known.
  case unplaced

  /// The device, where it is known.
  var device: SlotDevice? {
    switch self {
    case .placed(let device), .fixed(let device, _): device
    case .unplaced: nil
    }
  }
}

extension MachineConfig {
  /// The display and the NICs that QEMU adds by default or by `-vga`, `-nic` and `-net`, in the order of their slots
  /// (QEMU system/vl.c: qemu_disable_default_devices, hw/i386/pc.c: pc_vga_init, pc_nic_init; observed on 11.1.3).
  func addedDevices(_ kind: MachineKind, _ qemu: QEMUProfile) -> [AddedDevice] {
    switch kind {
    case .q35:
      // QEMU hw/i386/pc_q35.c: pc_q35_2_11_machine_options.
      let isOld = version(after: "pc-q35-").map { $0 < (2, 12) } ?? false
      return display + nics(isOld ? "e1000" : "e1000e", qemu) + audio
    case .i440fx: return display + nics("e1000", qemu) + audio
    case .virt: return nics("virtio-net-pci", qemu) + audio
    case .microvm: return audio
    case .withoutPCI, .unknown: return []
    }
  }

  /// Devices whose presence removes the default display (QEMU system/vl.c: default_list).
  private static let displays: Set<String> = [
    "VGA", "isa-vga", "cirrus-vga", "isa-cirrus-vga", "vmware-svga", "qxl-vga", "virtio-vga", "ati-vga",
    "vhost-user-vga", "virtio-vga-gl", "virtio-vga-rutabaga",
  ]

  private static let models = [
    "std": "VGA", "cirrus": "cirrus-vga", "vmware": "vmware-svga", "qxl": "qxl-vga", "virtio": "virtio-vga",
  ]

  private var display: [AddedDevice] {
    if let option = options.last(where: { $0.name == "vga" }) {
      guard case .string(let model) = option.value else { return [.unplaced] }
      if model == "none" { return [] }
      return [MachineConfig.models[model].map { .placed(SlotDevice(board: $0)) } ?? .unplaced]
    }
    let isReplaced = devices.contains { MachineConfig.displays.contains($0.driver ?? "") }
      || globals.contains { MachineConfig.displays.contains($0.driver) }
    if hasUnknownDefaults { return [.unplaced] }
    return hasOption("nodefaults") || isReplaced ? [] : [.placed(SlotDevice(board: "VGA"))]
  }

  private func nics(_ usual: String, _ qemu: QEMUProfile) -> [AddedDevice] {
    let given = options.filter { ["nic", "net", "netdev"].contains($0.name) }
    if given.isEmpty, hasUnknownDefaults { return [.unplaced] }
    if given.isEmpty { return hasOption("nodefaults") ? [] : [.placed(SlotDevice(board: usual))] }
    return given.compactMap { option in
      guard option.name != "netdev" else { return nil }
      guard case .string(let text) = option.value else { return .unplaced }
      let items = OptionText.items(text, implied: "type")
      func value(_ key: String) -> String? { items.last { $0.key == key }?.value }
      if value("type") == "none" || option.name == "net" && value("type") != "nic" { return nil }
      let model = value("model").map { $0 == "virtio" ? "virtio-net-pci" : $0 } ?? usual
      // ne2k_isa is elsewhere. At a model that the board cannot make 7.2 stops, and later releases warn.
      guard MachineConfig.cards.contains(model) else { return nil }
      // Releases after 7.2 ignore the address of `-net nic` (observed on 10.0.13 and 11.1.3).
      let card = SlotDevice(board: model, multifunction: model == "igb")
      guard qemu.isBefore(8, 0), let address = value("addr") else { return .placed(card) }
      // Hexadecimal; with a bus that does not exist QEMU stops.
      let digits = address.hasPrefix("0x") ? address.dropFirst(2) : address[...]
      guard let slot = Int(digits, radix: 16), 0..<32 ~= slot else { return .unplaced }
      return .fixed(card, slot: slot)
    }
  }

  /// Whether the machine has a USB controller of its own.
  var hasUSB: Bool {
    hasOption("usb") || hasOption("usbdevice") || machine.last { $0.name == "usb" }.map { QEMUBool($0.value) } == .on
  }

  /// The USB controllers of `-usb` and `-machine usb=on`, by devfn (QEMU hw/usb/hcd-ehci-pci.c:
  /// ehci_create_ich9_with_companions; observed on 11.1.3).
  func boardUSB(_ kind: MachineKind) -> [Int: SlotDevice] {
    guard hasUSB else { return [:] }
    switch kind {
    case .q35:
      func part(_ name: String) -> SlotDevice { SlotDevice(board: "ich9-usb-" + name, multifunction: true) }
      return [0xe8: part("uhci1"), 0xe9: part("uhci2"), 0xea: part("uhci3"), 0xef: part("ehci1")]
    case .i440fx: return [0xa: SlotDevice(board: "piix3-usb-uhci")]
    case .virt, .microvm, .withoutPCI, .unknown: return [:]
    }
  }

  /// The number of devices that options such as `-virtfs` and `-drive if=scsi` add among those of `-device`, in slots that QEMU
  /// chooses.
  var devicesOfOptions: Int {
    let own: Set<String> = ["virtfs", "soundhw", "watchdog", "virtiocon"]
    return options.count { option in
      if own.contains(option.name) { return true }
      guard option.name == "drive" else { return false }
      guard let text = option.value.string else { return true }
      return OptionText.items(text, implied: "file").last { $0.key == "if" }?.value == "scsi"
    }
  }

  /// Options that are a disk at the interface of the machine type.
  private static let disks: Set<String> = ["hda", "hdb", "hdc", "hdd", "cdrom"]

  /// The disks of `-drive if=virtio`: QEMU adds a device for each to those of `-device` with key=value text, behind all of them
  /// (QEMU blockdev.c: drive_new; observed on 7.2.22 and 11.1.3). That is the interface of `virt` (QEMU hw/arm/virt.c:
  /// virt_machine_class_init).
  func devicesOfDrives(_ kind: MachineKind) -> [DeviceRequest] {
    let usual = kind == .virt ? "virtio" : nil
    return options.compactMap { option in
      let interface: String?
      if option.name == "drive", let text = option.value.string {
        interface = OptionText.items(text, implied: "file").last(where: { $0.key == "if" })?.value ?? usual
      } else {
        interface = MachineConfig.disks.contains(option.name) ? usual : nil
      }
      guard interface == "virtio" else { return nil }
      let properties = [("driver", "virtio-blk-pci"), ("drive", "virtio")].map { name, value in
        Property(name: name, value: .string(value), location: option.location)
      }
      return DeviceRequest(form: .keyval, plug: .cold, properties: properties, location: option.location)
    }
  }
}
