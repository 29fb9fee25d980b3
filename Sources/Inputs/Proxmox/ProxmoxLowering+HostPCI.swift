import Facts
import Syntax

/// `hostpciN:` entries (qemu-server PVE/QemuServer/PCI.pm: print_hostpci_devices).
extension ProxmoxLowering {
  mutating func assign(_ entry: ProxmoxHostPCI) {
    if entry.isExpress, !machine.isQ35 {
      refuse("q35 machine model is not enabled", "write `machine: q35`, or remove `pcie=1`", entry.location)
    }
    let chosen = chosen(entry)
    checkLegacyIGD(entry, chosen)
    if entry.isPrimaryVGA, display == nil { display = "none" }
    if entry.isExpress, machine.isQ35, entry.index > 3, !isWindows7 {
      add(ProxmoxSlots.rootPort(entry.index), entry.location)
    }
    switch chosen {
    case .unknown(let unknown): add(device(entry, .unknown(unknown.reason)), entry.location)
    case .known(let functions):
      if entry.mediatedType != nil {
        if functions.count > 1 {
          refuse(
            "cannot use mediated device with multifunction device", "name one function, `\(functions[0])`", entry.location)
        }
        return add(device(entry, nil), entry.location)
      }
      for (number, function) in functions.enumerated() {
        if !used.insert(function).inserted {
          refuse("device '\(function)' assigned more than once", "assign each function once", location(of: "host", entry))
        }
        // `driver=keep` leaves the device with its host driver.
        if entry.properties["driver"] != "keep", let address = PCIAddress(function) {
          definition.machine.proxmox?.boundWithGroups.append(address)
        }
        add(device(entry, .string(function), number, of: functions.count), entry.location)
      }
    }
  }

  /// The host functions that an entry stands for, in order.
  private mutating func chosen(_ entry: ProxmoxHostPCI) -> Known<[String]> {
    if let name = entry.mapping { return mapped(name, entry) }
    guard let written = entry.functions else { return .unknown("\(entry.location.path)", "the address cannot be read") }
    return expanded(written, entry)
  }

  private mutating func expanded(_ written: [ProxmoxHostPCI.Function], _ entry: ProxmoxHostPCI) -> Known<[String]> {
    var found: [String] = []
    for function in written {
      switch function {
      case .one(let name):
        found.append(name)
        // Proxmox has no number of a function above 7 either.
        guard entry.mapping == nil, case .known(let all)? = PCIAddress(name.prefix { $0 != "." } + ".0").map(functions) else { break }
        if !all.contains(where: { $0.description == name }) {
          refuse("no pci device info for device '\(name)'", ProxmoxLowering.namesDevice, location(of: "host", entry))
        }
      case .slot(let name):
        guard case .known(let all)? = PCIAddress(name + ".0").map(functions) else {
          return .unknown(name, "every function of \(name)" + UnknownReason.onlyOfHost)
        }
        if all.isEmpty {
          refuse("no PCI device found for '\(name)'", ProxmoxLowering.namesDevice, entry.location)
        }
        found += all.isEmpty ? [name + ".0"] : all.map(\.description)
      }
    }
    return .known(found)
  }

  /// The device that a mapping of the cluster stands for. Of several the node chooses a free one when it starts
  /// the machine.
  private mutating func mapped(_ name: String, _ entry: ProxmoxHostPCI) -> Known<[String]> {
    switch machine.mappings {
    case .unknown(let file)?:
      return .unknown(
        "mapping \(name)", "the device of the mapping `\(name)`: \(file.fact) was not read (\(file.reason))")
    case nil: return .unknown("mapping \(name)", "the device of the mapping `\(name)`")
    case .known(let mapping)?:
      guard let devices = mapping.alternatives(name), !devices.isEmpty else {
        refuse("PCI device mapping not found for '\(name)'", "name one of \(ProxmoxMapping.path)", entry.location)
        return .unknown("mapping \(name)", "the mapping `\(name)` is not defined")
      }
      guard devices.count == 1, let only = devices.first else {
        return .unknown(
          "mapping \(name)", "one of \(devices.count) devices of the mapping `\(name)`, which the node chooses")
      }
      return expanded(only.functions, entry)
    }
  }

  private static let namesDevice = "name a device that the host has, as `lspci -D` lists them"

  private var isWindows7: Bool { config.text("ostype") == "win7" }

  /// - Parameters:
  ///   - host: nil for a mediated device.
  ///   - number: which of the entry's functions.
  private func device(_ entry: ProxmoxHostPCI, _ host: PropertyValue?, _ number: Int = 0, of count: Int = 1) -> [Property] {
    let suffix = count > 1 ? ".\(number)" : ""
    let slot = slot(entry)
    var properties: [(String, PropertyValue)] = [("driver", .string("vfio-pci"))]
    if let host { properties.append(("host", host)) } else {
      // The name has the machine's number, which is the file's name.
      properties.append(("sysfsdev", .unknown("the mediated device that Proxmox creates")))
    }
    properties += [
      ("id", .string("hostpci\(entry.index)\(suffix)")), ("bus", .string(slot.bus)), ("addr", .string(slot.address + suffix))
    ]
    if number == 0 { properties += firstFunction(entry, hasSiblings: count > 1) }
    return properties.map { Property(name: $0.0, value: $0.1, location: location(of: $0.0, entry)) }
  }

  private func slot(_ entry: ProxmoxHostPCI) -> ProxmoxSlots.Slot {
    if entry.isLegacyIGD { return ProxmoxSlots.Slot(bus: "pci.0", address: "0x2") }
    if entry.isExpress, machine.isQ35 {
      return isWindows7 ? ProxmoxSlots.expressOnRoot(entry.index) : ProxmoxSlots.express(entry.index)
    }
    return ProxmoxSlots.conventional(entry.index)
  }

  /// Options that Proxmox gives the first function alone.
  private func firstFunction(_ entry: ProxmoxHostPCI, hasSiblings: Bool) -> [(String, PropertyValue)] {
    var options: [(String, String)] = []
    if entry.properties.flag("rombar") == false { options.append(("rombar", "0")) }
    if entry.isPrimaryVGA, !machine.isUEFI { options.append(("x-vga", "on")) }
    if hasSiblings { options.append(("multifunction", "on")) }
    if let file = entry.properties["romfile"] { options.append(("romfile", "/usr/share/kvm/" + file)) }
    if let index = bootIndex(entry) { options.append(("bootindex", "\(index)")) }
    for name in ["vendor-id", "device-id", "sub-vendor-id", "sub-device-id"] {
      if let id = entry.properties[name] { options.append(("x-pci-" + name, id)) }
    }
    if let name = entry.mapping, machine.mappings?.display?.liveMigratable.contains(name) == true {
      options.append(("enable-migration", "on"))
    }
    return options.map { ($0.0, .string($0.1)) }
  }

  /// `boot: order=scsi0;hostpci0`: the first has 100 (qemu-server PVE/QemuServer.pm: device_bootorder).
  private func bootIndex(_ entry: ProxmoxHostPCI) -> Int? {
    let order = config.entry("boot").flatMap { ProxmoxProperties($0.value)["order"] }
    return order?.split(separator: ";").firstIndex { $0 == "hostpci\(entry.index)" }.map { 100 + $0 }
  }

  /// The place of the key that a property comes from; the whole entry where it has none of its own.
  private func location(of property: String, _ entry: ProxmoxHostPCI) -> Location {
    let keys = ["x-vga": "x-vga", "rombar": "rombar", "romfile": "romfile", "sysfsdev": "mdev"]
    let key = property.hasPrefix("x-pci-") ? String(property.dropFirst(6)) : keys[property]
    let item = property == "host"
      ? entry.properties.item("") ?? entry.properties.item("host") ?? entry.properties.item("mapping")
      : key.flatMap(entry.properties.item)
    guard let item else { return entry.location.at(path: "\(entry.location.path).\(property)") }
    return Location(source: config.source.name, range: item.range, path: "\(entry.location.path).\(property)")
  }

  /// Reports the conditions of `legacy-igd=1` that are not met.
  private mutating func checkLegacyIGD(_ entry: ProxmoxHostPCI, _ chosen: Known<[String]>) {
    guard entry.isLegacyIGD else { return }
    func refuse(_ message: String, _ fix: String) {
      definition.problems.append(ProxmoxMachine.refusal(message, fix, entry.location))
    }
    if machine.assigned.contains(where: { $0.isLegacyIGD && $0.index < entry.index }) {
      refuse("only one device can be assigned in legacy-igd mode", "keep `legacy-igd=1` on one entry")
    }
    if config.text("vga") != "none" {
      refuse("legacy IGD assignment requires VGA mode to be 'none'", "write `vga: none`")
    }
    if entry.properties.flag("rombar") == false {
      refuse("legacy IGD assignment requires rombar to be enabled", "remove `rombar=0`")
    }
    if entry.isPrimaryVGA { refuse("legacy IGD assignment is not compatible with x-vga", "remove `x-vga=1`") }
    if entry.mediatedType != nil { refuse("legacy IGD assignment is not compatible with mdev", "remove `mdev=`") }
    if machine.isQ35 { refuse("legacy IGD assignment is not compatible with q35", "write `machine: pc`") }
    guard case .known(let functions) = chosen else { return }
    if functions.count > 1 {
      refuse("legacy IGD assignment is not compatible with multifunction devices", "name one function, `0000:00:02.0`")
    }
    if let first = functions.first, !first.hasSuffix("02.0") {
      refuse("legacy IGD assignment only works for devices on host bus 00:02.0", "name `0000:00:02.0`, or take `legacy-igd` out")
    }
  }
}
