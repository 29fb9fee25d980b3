import Facts

/// Memory devices and links to objects of devices that are plugged; those of the start are checked with the machine's options.
extension RealizeContext {
  /// The refusal of a memory device that is plugged (recorded from 7.2.22 and 11.1.3).
  var memoryRefusal: RealizeFailure? {
    guard request.plug == .hot, MemoryDevices.drivers.contains(driver) else { return nil }
    if driver.hasSuffix("dimm"), MachineKind(machine) == .microvm {
      return RealizeFailure(.badOption, property: "driver", "Device '\(driver)' can not be hotplugged on this machine")
    }
    guard var modules = guest.memoryDevices,
      case .refused(let property, let text) = modules.add(settings, backend: { guest.objects[$0] })
    else { return nil }
    return RealizeFailure(.badOption, property: property, text)
  }

  /// The refusal of a property that links to an object (QEMU qom/object.c: object_resolve_link).
  func linkRefusal(_ property: Property) -> RealizeFailure? {
    guard request.plug == .hot, machine.isComplete, machine.areObjectsKnown, !property.value.isOfShell,
      MachineConfig.isLink(property.name, of: driver), let link = property.value.string, !link.isEmpty
    else { return nil }
    let ofDevice = guest.ids[link]
    let type = ofDevice ?? object(link)?.type
    guard let type else {
      let isKnown = object(link) != nil
      return isKnown ? nil : RealizeFailure(.badOption, property: property.name, "Device '\(link)' not found")
    }
    guard property.name == "memdev", ofDevice != nil || !type.contains("memory") else { return nil }
    let text = "Invalid parameter type for 'memdev', expected: memory-backend"
    return RealizeFailure(.badOption, property: property.name, text)
  }
}
