import Facts

/// vfio-pci's own realize up to the ats decision (QEMU hw/vfio/pci.c: vfio_pci_realize), in order.
extension RealizeContext {
  /// The failure of a request that names no host device.
  var hostGiven: RealizeFailure? {
    let given = settings.has("fd") || settings.has("sysfsdev") || settings.has("host")
    return given ? nil : RealizeFailure(.noHostGiven, "No provided host device")
  }

  /// The failure of stat(2) on the sysfs path (QEMU hw/vfio/device.c: vfio_device_get_name); the prefix is the whole
  /// path.
  func hostExists() throws(Unknown) -> RealizeFailure? {
    if settings.has("fd"), let source = request.libvirt?.source {
      guard try host.device(at: source).value == nil else { return nil }
      // libvirt's message: it opens the device, and does not start QEMU.
      return RealizeFailure(
        .noSuchHostDevice, "Device \(source) not found: could not access /sys/bus/pci/devices/\(source)/config: No "
          + "such file or directory")
    }
    guard !settings.has("fd"), settings.has("sysfsdev") || hostProperty != nil
    else { return nil }
    guard let address else {
      if case .unknown(let text)? = settings.value("sysfsdev") { throw Unknown("value of sysfsdev", reason: "written as \(text)") }
      if let path = settings.string("sysfsdev"), path.contains("/"), !path.hasPrefix("/") {
        throw Unknown("sysfs path `\(path)`", reason: "it is relative to the folder that QEMU runs in")
      }
      // A path outside sysfs is not a device's. Should it exist, QEMU fails later, for want of a group.
      let parts = SysfsPath.parts(sysfsPath)
      if settings.has("sysfsdev"), parts.first != "sys", !parts.contains("..") {
        guard case .known(.some) = host.sizeOfFile(sysfsPath) else { return noSuchHost }
      } else if hasOtherSpelling {
        return noSuchHost
      }
      throw Unknown("sysfs path `\(sysfsPath)`", reason: "not a PCI function's folder")
    }
    guard let device = try host.device(at: address).value else { return noSuchHost }
    guard let path = settings.string("sysfsdev") else { return nil }
    return try SysfsPath.exists(path, of: device, on: host) ? nil : noSuchHost
  }

  /// Whether `sysfsdev` ends in an address that is not spelt as the kernel does, in full and in lower case: there is no such
  /// folder.
  private var hasOtherSpelling: Bool {
    guard let name = settings.string("sysfsdev")?.split(separator: "/").last, let address = PCIAddress(name) else { return false }
    return address.description != name
  }

  private var noSuchHost: RealizeFailure {
    RealizeFailure(.noSuchHostDevice, "vfio \(sysfsPath): no such host device: No such file or directory")
  }

  /// The failure of a descriptor with the legacy backend.
  func descriptorBackend() throws(Unknown) -> RealizeFailure? {
    guard settings.has("fd"), try backend.value == .legacy else { return nil }
    return RealizeFailure(.descriptorWithoutIOMMUFD, "Use FD passing only with iommufd backend")
  }

  /// The failure of `x-balloon-allowed`, which is for mediated devices.
  /// - Parameter afterGroup: 7.2 checks it when the group is attached (QEMU hw/vfio/pci.c: vfio_realize).
  func balloon(afterGroup: Bool) -> RealizeFailure? {
    guard settings.isOn("x-balloon-allowed"), qemu.isBefore(8, 0) == afterGroup else { return nil }
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
    if let failure = try discardRefused(after: prefix) { return failure }
    if try FileMemory.unpinnable(index.memoryFiles, on: host) != nil {
      return fails(
        .memoryOnDisk, prefix + "memory listener initialization failed: Region pc.ram: "
          + "vfio_container_dma_map(0x…, 0x0, 0x…, 0x…) = -14 (Bad address)")
    }
    let locked = LockedMemory(machine)
    let spaces = guest.spaces.count(adding: try addressSpace())
    guard let ram = try locked.ram(), let limit = try locked.limit(on: host) else { return nil }
    guard limit < LockedMemory.needed(ram, spaces: spaces) else {
      guard let all = try locked.all(), limit < LockedMemory.needed(all, spaces: spaces) else { return nil }
      throw Unknown("name of the memory region that cannot be locked", reason: "it is one of a memory device")
    }
    return fails(
      .memoryLimit, prefix + "memory listener initialization failed: Region pc.ram: "
        + "vfio_container_dma_map(0x…, 0x0, 0x…, 0x…) = -12 (Cannot allocate memory)")
  }

  /// The failure of `display`: a function bound to vfio-pci has no plane that QEMU could show; a mediated device may
  /// have one, and a virtual GPU with its vendor's driver (QEMU hw/vfio/display.c: vfio_display_probe).
  func display() throws(Unknown) -> RealizeFailure? {
    guard settings.isOn("display") else { return nil }
    guard try device.value.driver.value == "vfio-pci" else {
      throw Unknown("display of \(name)", reason: "whether its variant driver has one is not known")
    }
    return fails(.noDisplay, "vfio: device doesn't support any (known) display method")
  }

  /// The failure of properties for a display that the function has not: display=on has failed before.
  func displayRequired() throws(Unknown) -> RealizeFailure? {
    let size = ["xres", "yres"].first { number($0).map { $0 > 0 } ?? false }
    guard let name = settings.isOn("ramfb") ? "ramfb" : size else { return nil }
    // With `auto` a variant driver's function may have a display.
    if settings.string("display") == "auto", try device.value.driver.value != "vfio-pci" {
      throw Unknown("display of \(self.name)", reason: "whether its variant driver has one is not known")
    }
    if settings.isOn("display") { return nil }
    var failure = fails(
      .displayRequired,
      name == "ramfb" ? "ramfb=on requires display=on" : "xres and yres properties require display=on")
    failure.property = name
    return failure
  }

  /// The crash of `sriov-pf` when QEMU registers the first BAR.
  func bars() throws(Unknown) -> RealizeFailure? {
    guard settings.has("sriov-pf") else { return nil }
    if case .known(let sizes) = try device.value.regionSizes, sizes.prefix(6).allSatisfy({ $0 == 0 }) { return nil }
    return QEMUCrash.virtualFunctionWithoutPhysical
  }

  /// The failure of `-only-migratable`: vfio-pci cannot migrate, and blocks (QEMU migration/migration.c:
  /// is_only_migratable). The primary of a failover pair is unplugged for it.
  func onlyMigratable() throws(Unknown) -> RealizeFailure? {
    guard machine.hasOption("only-migratable"), !settings.has("failover_pair_id"), !settings.isOn("enable-migration")
    else { return nil }
    if qemu.isBefore(8, 0) {
      let text = "disallowing migration blocker (--only-migratable) for: VFIO device doesn't support migration"
      guard try device.value.driver.value == "vfio-pci" else { throw unknownMigration }
      return RealizeFailure(.onlyMigratable, text)
    }
    let blocked = "disallowing migration blocker (--only-migratable) for: \(name): "
    if settings.string("enable-migration").map(QEMUBool.init) == .off {
      return fails(.onlyMigratable, blocked + "Migration is disabled for VFIO device")
    }
    guard try device.value.driver.value == "vfio-pci" else { throw unknownMigration }
    return fails(.onlyMigratable, blocked + migrationUnsupported)
  }

  /// The failure of `enable-migration`: vfio-pci cannot migrate (QEMU hw/vfio/migration.c: vfio_migration_init).
  func migration() throws(Unknown) -> RealizeFailure? {
    // The primary of a failover pair is unplugged for a migration.
    guard settings.isOn("enable-migration"), !settings.has("failover_pair_id") else { return nil }
    guard try device.value.driver.value == "vfio-pci" else { throw unknownMigration }
    return fails(.noMigration, "\(name): \(migrationUnsupported)")
  }

  private var unknownMigration: Unknown {
    Unknown("migration of \(name)", reason: "whether its variant driver can migrate is not known")
  }

  private var migrationUnsupported: String {
    qemu.isBefore(10, 1) ? "VFIO migration is not supported in kernel"
      : "VFIO migration init failed: migration is not supported in kernel: Inappropriate ioctl for device"
  }
}
