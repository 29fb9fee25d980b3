import Facts

/// Options whose id or name an option before them has, and options that need another.
extension MachineConfig {
  /// The refusals of such options that are written out.
  func repeatedParts(_ qemu: QEMUProfile) -> [LaunchFailure] {
    var found: [String: Set<String>] = [:]
    return options.compactMap { option in
      refusalOfLonely(option) ?? repeated(option, &found, qemu)
    }.map { text, option in LaunchFailure(RealizeFailure(.badOption, text), at: option.location) }
  }

  /// The refusals of second devices of types of which a machine has one (QEMU hw/acpi/vmgenid.c: vmgenid_realize; hw/misc/vmcoreinfo.c:
  /// vmcoreinfo_realize).
  var repeatedDevices: [LaunchFailure] {
    var found: Set<String> = []
    return (devices.filter { $0.form == .keyval } + devices.filter { $0.form == .json }).compactMap { device in
      guard let type = device.driver, ["vmcoreinfo", "vmgenid"].contains(type), !found.insert(type).inserted else { return nil }
      return LaunchFailure(RealizeFailure(.badOption, property: "driver", "at most one \(type) device is permitted"), of: device)
    }
  }

  private func repeated(_ option: Property, _ found: inout [String: Set<String>], _ qemu: QEMUProfile) -> (String, Property)? {
    // Of a short form the character device is the id (QEMU system/vl.c: monitor_parse).
    if ["monitor", "qmp", "qmp-pretty"].contains(option.name), let id = namedCharacterDevice(option) {
      return found["mon", default: []].insert(id).inserted ? nil : ("Duplicate ID '\(id)' for mon", option)
    }
    let names = ["audiodev": "id", "blockdev": "node-name", "chardev": "id", "fsdev": "id", "netdev": "id"]
    guard let name = names[option.name] else { return nil }
    let id: String?, members = jsonMembers[option.location]
    if let members {
      let member = members.first { $0.name == name }
      if member?.value.isUnknown ?? false { return nil }
      id = member?.value.string
      if member != nil, id == nil {
        return option.name != "blockdev" ? nil : ("Invalid parameter type for '\(name)', expected: string", option)
      }
    } else if !shellLocations.contains(option.location), let text = OptionValues.written(option.value) {
      id = OptionValues.last(name, OptionText.items(text, implied: ""))
    } else {
      return nil
    }
    guard option.name == "blockdev" else {
      guard let id else { return nil }
      if option.name == "audiodev" {
        // Earlier releases take the first, or the last.
        let isRepeated = !found[option.name, default: []].insert(id).inserted && !qemu.isBefore(10, 1)
        return isRepeated ? ("attempt to add duplicate property '\(id)' to object (type 'container')", option) : nil
      }
      // The same id of two texts is found when they are read, and another when the network is made.
      let isText = members == nil && !found[option.name, default: []].insert(id).inserted
      let isNetwork = option.name == "netdev" && !found["network", default: []].insert(id).inserted
      return isText ? ("Duplicate ID '\(id)' for \(option.name)", option) : isNetwork ? ("Duplicate ID '\(id)'", option) : nil
    }
    // QEMU blockdev.c: qmp_blockdev_add; block.c: bdrv_assign_node_name.
    guard let id else { return ("'node-name' must be specified for the root node", option) }
    if !QEMUIdentifier.isWellFormed(id) { return ("Invalid node-name: '\(id)'", option) }
    return found["blockdev", default: []].insert(id).inserted ? nil : ("Duplicate nodes with node-name='\(id)'", option)
  }

  /// QEMU system/vl.c: qemu_validate_options.
  private func refusalOfLonely(_ option: Property) -> (String, Property)? {
    guard ["append", "initrd"].contains(option.name), !hasOption("kernel"), !machine.contains(where: { $0.name == "kernel" }),
      !shellLocations.contains(option.location)
    else { return nil }
    return ("-\(option.name) only allowed with -kernel option", option)
  }
}
