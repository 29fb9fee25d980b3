import Facts

extension RealizeContext {
  /// The inputs of the ats decision, from the request, its guest and its host.
  var atsInputs: ATSInputs {
    let config = device.flatMap(\.config)
    return ATSInputs(
      behaviour: qemu.behaviour, setting: setting, backend: backend,
      flagSet: device.flatMap { KernelATS.flagSet($0, on: host) },
      standardList: config.flatMap(\.hasStandardList), express: express,
      extendedList: config.flatMap(\.hasExtendedList), capability: config.flatMap { $0.ats.map { $0 != nil } })
  }

  /// The request's own `ats`, else that of the last `-global` that applies to it, also on a hot plug; nil when
  /// neither gives it. For a value that QEMU refuses the device is not realized.
  private var setting: Known<ATSSetting?> {
    if let property = request.property("ats") {
      if case .unknown(let text) = property.value { return .unknown("ats", "written as \(text)") }
      return .known(property.value.string.flatMap(ATSSetting.init))
    }
    // In a QEMU without the property a -global for it stops a cold plug, and sets nothing for a hot plug.
    let hasProperty = qemu.behaviour != .known(.none)
    if hasProperty, let setting = request.atsGlobal(in: machine, of: qemu).flatMap({ ATSSetting(rawValue: $0.value) }) {
      return .known(setting)
    }
    // A running QEMU's -global options are visible to no QMP command.
    if hasProperty, let missing = machine.missingGlobals { return .unknown("ats", missing.notGiven) }
    return machine.isComplete
      ? .known(nil) : .unknown("ats", "not given, and a -global of the running QEMU would decide")
  }

  /// QEMU counts a device as Express when its vfio config region is larger than 256 bytes, with or
  /// without a PCI Express capability (observed on 11.1.3).
  var express: Known<Bool> {
    let size = device.flatMap(\.config).flatMap(\.isExtendedSize)
    if case .known(false) = size { return .known(false) }
    // libvirt gives an Express function an Express port where there are any (libvirt
    // src/qemu/qemu_domain_address.c: qemuDomainDeviceCalculatePCIConnectFlags).
    if request.isPlacedByLibvirt, case .known(.some(let root)) = guest.rootBus, let bus = guest.buses[root] {
      return bus.isExpress ? size : .known(false)
    }
    let bus: Known<Bool>
    do throws(Unknown) {
      bus = .known(try self.bus()?.isExpress ?? false)
    } catch {
      bus = .unknown(error)
    }
    if case .known(false) = bus { return .known(false) }
    return bus.flatMap { _ in size }
  }
}
