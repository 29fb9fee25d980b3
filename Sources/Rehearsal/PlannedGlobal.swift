import Facts

extension RehearsalPlan {
  mutating func addGlobal(_ global: GlobalProperty) {
    var value = global.value
    switch global.property {
    // Globals of any type count: vfio-pci has parents.
    case "host" where PlannedDevice.isAddress(value): value = PlannedDevice.absentHost
    case "sysfsdev": value = PlannedDevice.absentDirectory
    case "fd" where global.driver.hasPrefix("vfio-pci"): if Int(value) != nil { value = "\(spareDescriptor())" }
    default:
      if let why = HostProperty.reason(global.property, value) {
        return note("`\(global.location.path)`", "left out: \(why)", isUntried: true)
      }
    }
    if global.property == "tx_queue_size", !networksOfProcesses.isEmpty {
      return note("`\(global.location.path)`", "left out: a network is replaced", isUntried: true)
    }
    if global.driver.hasPrefix("vfio-pci"), PlannedDevice.placement.contains(global.property) {
      let place = Property(name: global.property, value: .string(value), location: global.location)
      placesOfGlobals.append((global.driver, place))
    }
    keep("-global", RehearsalPlan.global(global.driver, global.property, value), global.location)
  }

  private static func global(_ driver: String, _ property: String, _ value: String) -> String {
    OptionText.keyval([("driver", driver), ("property", property), ("value", value)])
  }

  /// The properties that globals give to a vfio device besides its own; the last global counts.
  func placesOfGlobals(for device: DeviceRequest) -> [Property] {
    var places: [String: Property] = [:]
    for (driver, property) in placesOfGlobals where device.value(property.name) == nil {
      // Types of vfio-pci inherit from it.
      if driver == device.driver || driver == "vfio-pci" { places[property.name] = property }
    }
    return places.values.sorted { $0.name < $1.name }
  }

  /// Types of sound devices, by the names that a definition may use.
  private static let soundTypes = [
    "AC97": "AC97", "ac97": "AC97", "ES1370": "ES1370", "es1370": "ES1370", "sb16": "sb16", "cs4231a": "cs4231a", "adlib": "adlib",
    "gus": "gus", "hda-output": "hda-output", "hda-micro": "hda-micro", "hda-duplex": "hda-duplex", "usb-audio": "usb-audio",
    "virtio-sound": "virtio-sound-device", "virtio-sound-pci": "virtio-sound-device", "virtio-sound-device": "virtio-sound-device",
  ]

  /// Gives sound devices without a backend one that makes no sound: QEMU would probe the host's. Where the definition rules defaults
  /// out, QEMU 8.2 and later refuse such a device (QEMU audio/audio.c: AUD_register_card).
  mutating func addSound(_ machine: MachineConfig, _ plugs: [DeviceRequest]) {
    // libvirt gives each sound device a backend, which the domain does not show.
    if !isDomain, ["nodefaults", "audiodev", "audio"].contains(where: machine.hasOption) { return }
    let types = Set((machine.devices + plugs).filter { $0.value("audiodev") == nil }.compactMap {
      RehearsalPlan.soundTypes[$0.driver ?? ""]
    })
    if types.isEmpty { return }
    note("sound", "without the host's sound server: the definition names no backend")
    var own = [Part(arguments: ["-audiodev", "driver=none,id=vfiogate-sound"], location: nil)]
    for type in types.sorted() where !machine.globals.contains(where: { $0.driver == type && $0.property == "audiodev" }) {
      own.append(Part(arguments: ["-global", RehearsalPlan.global(type, "audiodev", "vfiogate-sound")], location: nil))
    }
    addOwn(own)
  }
}
