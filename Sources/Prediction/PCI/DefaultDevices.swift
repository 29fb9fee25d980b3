import Facts

/// A device that QEMU adds to the machine's own bus before those of `-device`.
enum AddedDevice: Hashable {
  /// A device in the first free slot.
  case placed(SlotDevice)
  /// A device of which type or slot are not known.
  case unplaced
}

extension MachineConfig {
  /// The display and the NICs that QEMU adds by default or by `-vga`, `-nic` and `-net`, in the order of their slots
  /// (QEMU system/vl.c: qemu_disable_default_devices, hw/i386/pc.c: pc_vga_init, pc_nic_init; observed on 11.1.3).
  func addedDevices(_ kind: MachineKind) -> [AddedDevice] {
    switch kind {
    case .q35: return display + nics("e1000e")
    case .i440fx: return display + nics("e1000")
    case .virt: return nics("virtio-net-pci")
    case .microvm, .withoutPCI, .unknown: return []
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

  private func nics(_ usual: String) -> [AddedDevice] {
    let given = options.filter { ["nic", "net", "netdev"].contains($0.name) }
    if given.isEmpty, hasUnknownDefaults { return [.unplaced] }
    if given.isEmpty { return hasOption("nodefaults") ? [] : [.placed(SlotDevice(board: usual))] }
    return given.compactMap { option in
      guard option.name != "netdev" else { return nil }
      guard case .string(let text) = option.value else { return .unplaced }
      let parts = text.split(separator: ",", omittingEmptySubsequences: false)
      if parts.first == "none" || option.name == "net" && parts.first != "nic" { return nil }
      // `-nic` may name an address of its own only through `-net nic`.
      if parts.contains(where: { $0.hasPrefix("addr=") }) { return .unplaced }
      let model = parts.last { $0.hasPrefix("model=") }.map { String($0.dropFirst(6)) } ?? usual
      return .placed(SlotDevice(board: model == "virtio" ? "virtio-net-pci" : model))
    }
  }

  /// The USB controllers of `-usb` and `-machine usb=on`, by devfn (QEMU hw/usb/hcd-ehci-pci.c:
  /// ehci_create_ich9_with_companions; observed on 11.1.3).
  func boardUSB(_ kind: MachineKind) -> [Int: SlotDevice] {
    let isOn = hasOption("usb") || hasOption("usbdevice") || machine.last { $0.name == "usb" }.map { QEMUBool($0.value) } == .on
    guard isOn else { return [:] }
    switch kind {
    case .q35:
      func part(_ name: String) -> SlotDevice { SlotDevice(board: "ich9-usb-" + name, multifunction: true) }
      return [0xe8: part("uhci1"), 0xe9: part("uhci2"), 0xea: part("uhci3"), 0xef: part("ehci1")]
    case .i440fx: return [0xa: SlotDevice(board: "piix3-usb-uhci")]
    case .virt, .microvm, .withoutPCI, .unknown: return [:]
    }
  }

  /// The number of devices that options such as `-virtfs` and `-drive if=scsi` add among those of `-device`, in slots that QEMU
  /// chooses. Those of `-drive if=virtio` come behind all of -device with key=value text, and before those with JSON (QEMU
  /// blockdev.c: drive_new, system/vl.c: qemu_create_cli_devices; observed on 7.2.22 and 11.1.3).
  var devicesOfOptions: Int {
    let own: Set<String> = ["virtfs", "audio", "soundhw", "watchdog", "virtiocon"]
    // With so many devices there may be no slot for a disk.
    let disksMatter = devices.contains { $0.form == .json } || devices.count + options.count > 24
    return options.count { option in
      if own.contains(option.name) { return true }
      guard option.name == "drive" else { return false }
      guard let text = option.value.string else { return true }
      return text.split(separator: ",").contains { $0 == "if=scsi" || $0 == "if=virtio" && disksMatter }
    }
  }
}
