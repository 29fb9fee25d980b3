import Facts

/// vfio-pci's own realize up to the ats decision (QEMU hw/vfio/pci.c: vfio_pci_realize), in order.
extension RealizeContext {
  /// The failure of a request that names no host device.
  var hostGiven: RealizeFailure? {
    let given = request.has("fd") || request.has("sysfsdev") || request.has("host")
    return given ? nil : RealizeFailure(.noHostGiven, "No provided host device")
  }

  /// The failure of stat(2) on the sysfs path (QEMU hw/vfio/device.c: vfio_device_get_name); the prefix is the whole
  /// path.
  func hostExists() throws(Unknown) -> RealizeFailure? {
    if request.has("fd"), let source = request.libvirt?.source {
      guard try host.device(at: source).value == nil else { return nil }
      // libvirt's message: it opens the device, and does not start QEMU.
      return RealizeFailure(
        .noSuchHostDevice, "Device \(source) not found: could not access /sys/bus/pci/devices/\(source)/config: No "
          + "such file or directory")
    }
    guard !request.has("fd"), request.has("sysfsdev") || hostProperty != nil
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

  /// The failure of a descriptor with the legacy backend.
  func descriptorBackend() throws(Unknown) -> RealizeFailure? {
    guard request.has("fd"), try backend.value == .legacy else { return nil }
    return RealizeFailure(.descriptorWithoutIOMMUFD, "Use FD passing only with iommufd backend")
  }

  /// The failure of `x-balloon-allowed`, which is for mediated devices.
  var balloon: RealizeFailure? {
    guard request.isOn("x-balloon-allowed") else { return nil }
    return fails(.balloonNotMediated, "x-balloon-allowed only potentially compatible with mdev devices")
  }

  /// Whether the kernel refuses a device that could forge others' interrupts. The module's `allow_unsafe_interrupts`
  /// permits it (linux drivers/iommu/iommu.c: iommu_group_has_isolated_msi).
  func interruptsRefused(_ module: String) throws(Unknown) -> Bool {
    if case .known(let allowed) = host.unsafeInterrupts, allowed.contains(module) { return false }
    guard try !host.interruptsIsolated.value else { return false }
    return try !host.unsafeInterrupts.value.contains(module)
  }

  /// The failure to lock guest memory for DMA: all of it, once for each address space (QEMU hw/vfio/listener.c:
  /// vfio_listener_region_add).
  func memory(after prefix: String) throws(Unknown) -> RealizeFailure? {
    let locked = LockedMemory(machine)
    let spaces = guest.spaces.count(addingOwn: try hasOwnSpace())
    guard let needed = try locked.needed(spaces: spaces), let limit = try locked.limit(on: host), limit < needed
    else { return nil }
    return fails(
      .memoryLimit, prefix + "memory listener initialization failed: Region pc.ram: "
        + "vfio_container_dma_map(0x…, 0x0, 0x…, 0x…) = -12 (Cannot allocate memory)")
  }

  /// The failure of `display`: a function bound to vfio-pci has no plane that QEMU could show; a mediated device may
  /// have one, and a virtual GPU with its vendor's driver (QEMU hw/vfio/display.c: vfio_display_probe).
  func display() throws(Unknown) -> RealizeFailure? {
    guard request.isOn("display") else { return nil }
    guard address != nil else { throw Unknown("display of \(name)", reason: "the request does not say which device it is") }
    guard try device.value.driver.value == "vfio-pci" else {
      throw Unknown("display of \(name)", reason: "whether its variant driver has one is not known")
    }
    return fails(.noDisplay, "vfio: device doesn't support any (known) display method")
  }

  /// The failure of `enable-migration`: vfio-pci cannot migrate (QEMU hw/vfio/migration.c: vfio_migration_init).
  func migration() throws(Unknown) -> RealizeFailure? {
    guard request.isOn("enable-migration") else { return nil }
    guard try device.value.driver.value == "vfio-pci" else {
      throw Unknown("migration of \(name)", reason: "whether its variant driver can migrate is not known")
    }
    return fails(
      .noMigration,
      "\(name): VFIO migration init failed: migration is not supported in kernel: Inappropriate ioctl for device")
  }
}
