import Facts

/// vfio-pci's own realize up to the ats decision (QEMU hw/vfio/pci.c: vfio_pci_realize), in order.
extension RealizeContext {
  var hostGiven: RealizeFailure? {
    let given = ["fd", "sysfsdev", "host"].contains { request.property($0) != nil }
    return given ? nil : RealizeFailure(.noHostGiven, "No provided host device")
  }

  /// stat(2) of the sysfs path; the prefix is the whole path.
  func hostExists() throws(Unknown) -> RealizeFailure? {
    guard request.property("fd") == nil, request.property("sysfsdev") != nil || hostProperty != nil
    else { return nil }
    guard let address else {
      if request.string("sysfsdev") == "" { return noSuchHost }
      throw Unknown("sysfs path `\(sysfsPath)`", reason: "not a PCI function's folder")
    }
    return try host.device(at: address).value == nil ? noSuchHost : nil
  }

  private var noSuchHost: RealizeFailure {
    RealizeFailure(.noSuchHostDevice, "vfio \(sysfsPath): no such host device: No such file or directory")
  }

  var descriptorBackend: RealizeFailure? {
    guard request.property("fd") != nil, iommufdLink == nil else { return nil }
    return RealizeFailure(.descriptorWithoutIOMMUFD, "Use FD passing only with iommufd backend")
  }

  var balloon: RealizeFailure? {
    switch request.property("x-balloon-allowed")?.value {
    case .bool(true), .string("on"), .string("yes"), .string("true"), .string("y"):
      return fails(.balloonNotMediated, "x-balloon-allowed only potentially compatible with mdev devices")
    default: return nil
    }
  }

  /// Containers of both kinds in one address space. A vIOMMU gives each device its own.
  func mixedBackends() throws(Unknown) -> RealizeFailure? {
    let mine = try backend.value
    guard guest.backends.contains(where: { $0 != mine }) else { return nil }
    switch machine.viommu?.driver {
    case nil: return QEMUCrash.mixedBackends(mine)
    case "intel-iommu": return nil  // tried with caching-mode=on on 11.1.3: accepted
    case .some(let other):
      throw Unknown("address spaces under \(other)", reason: "whether devices share one was never observed")
    }
  }

  /// QEMU hw/i386/intel_iommu.c: vtd_check_hiod.
  func vtdCachingMode() throws(Unknown) -> RealizeFailure? {
    guard let viommu = machine.viommu, viommu.driver == "intel-iommu", !viommu.isOn("caching-mode"),
      !viommu.isOn("fsts")
    else { return nil }
    return fails(
      .viommuRefuses,
      "Failed to set vIOMMU: Device assignment is not allowed without enabling caching-mode=on for Intel IOMMU.")
  }
}

extension MachineRequest {
  /// The guest's own IOMMU.
  public var viommu: DeviceRequest? {
    devices.first { device in
      ["intel-iommu", "amd-iommu", "arm-smmuv3", "virtio-iommu-pci"].contains(device.driver)
    }
  }
}

extension DeviceRequest {
  /// Whether a boolean or OnOffAuto property is switched on.
  public func isOn(_ name: String) -> Bool {
    switch property(name)?.value {
    case .bool(let flag): return flag
    case .string(let text): return ["on", "yes", "true", "y"].contains(text)
    default: return false
    }
  }
}
