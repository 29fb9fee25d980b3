import Facts

/// Memory devices that are plugged; those of the start are checked with the machine's options.
extension RealizeContext {
  /// The refusal of a memory device that is plugged (recorded from 7.2.22 and 11.1.3).
  var memoryRefusal: RealizeFailure? {
    guard request.plug == .hot, MemoryDevices.drivers.contains(driver) else { return nil }
    if driver.hasSuffix("dimm"), MachineKind(machine) == .microvm {
      return RealizeFailure(.badOption, property: "driver", "Device '\(driver)' can not be hotplugged on this machine")
    }
    guard let modules = guest.memoryDevices,
      case .refused(let property, let text) = modules.check(settings, backend: { guest.objects[$0] }).outcome
    else { return nil }
    return RealizeFailure(.badOption, property: property, text)
  }

  /// The refusal of a backend that is another object or a device (QEMU qom/object.c: object_resolve_link). One that the definition does
  /// not have may have come while the guest ran.
  func linkRefusal(_ property: Property) -> RealizeFailure? {
    guard request.plug == .hot, property.name == "memdev", MemoryDevices.drivers.contains(driver), machine.isComplete,
      !property.value.isOfShell, let link = property.value.string, !link.isEmpty
    else { return nil }
    let isDevice = guest.ids[link] != nil
    guard isDevice || object(link)?.type.map({ !$0.contains("memory") }) == true else { return nil }
    return RealizeFailure(.badOption, property: "memdev", "Invalid parameter type for 'memdev', expected: memory-backend")
  }
}
