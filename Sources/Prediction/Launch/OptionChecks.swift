import Facts

/// Options that QEMU refuses by their text alone, or because they name a part of the machine that nothing makes.
extension MachineConfig {
  /// The refusals of options, in the order of QEMU's own checks.
  func optionFailures(_ qemu: QEMUProfile) -> [LaunchFailure] {
    let absent = absentOptions(qemu)
    // libvirt makes the parts that its devices name.
    if !absent.isEmpty || libvirt != nil || missingPart != nil || !unreadParts.isEmpty || qemu.modelledRelease == nil { return absent }
    // Gathered once for each kind of part, not for each device.
    var ids: [Part: Set<String>?] = [:]
    return DriveChecks(self, qemu).failures + memoryFailures(qemu)
      + [
        twoAccelerators, unknownAccelerator, userspaceInterrupts(qemu), ProcessorTopology.refusal(self, qemu),
        namedBackend("memory-backend"),
        namedBackend("confidential-guest-support"), memoryEncryption, confidentialGuest(qemu), hostCPU, processorRefusal(qemu),
        unknownAudio(qemu), missingFlash,
      ]
      .compactMap { $0 }
      + optionValueFailures(qemu) + blockNodeFailures + repeatedParts(qemu) + repeatedDevices + devices.compactMap(badMAC(of:)) + monitors
      + devices.compactMap { unresolved($0, &ids, qemu) } + takenParts(qemu)
  }

  // MARK: - Options of other releases

  /// The first release without an option (options of QEMU 7.2.22, 10.0.13 and 11.1.3; QEMU docs/about/removed-features.rst). Of
  /// those that the document does not date, 10.0 is an upper bound.
  private static let removed: [String: QEMURelease] = {
    let early = [
      "alt-grab", "balloon", "bt", "clock", "ctrl-grab", "curses", "enable-fips", "no-frame", "no-kvm", "no-kvm-irqchip",
      "no-kvm-pit-reinjection", "no-quit", "nodefconfig", "realtime", "sdl", "show-cursor", "soundhw", "startdate", "tb-size", "tdf",
      "virtfs_synth", "watchdog", "writeconfig",
    ]
    let later = ["async-teardown", "chroot", "no-acpi", "no-hpet", "singlestep"]
    let recent = ["audio-help", "portrait", "rotate", "runas"]
    return Dictionary(uniqueKeysWithValues: early.map { ($0, QEMURelease(7, 2)) } + later.map { ($0, QEMURelease(9, 0)) }
      + recent.map { ($0, QEMURelease(10, 0)) })
  }()

  /// Options that 7.2 does not have yet.
  private static let added: Set<String> = ["jitdump", "perfmap", "run-with", "shim"]

  /// QEMU stops at an option that it does not have (QEMU system/vl.c: lookup_opt).
  private func absentOptions(_ qemu: QEMUProfile) -> [LaunchFailure] {
    guard let release = qemu.release.display else { return [] }
    return options.compactMap { option in
      if option.name == "old-param", MachineKind(self) == .q35 || MachineKind(self) == .i440fx {
        let text = release > QEMURelease(10, 0) ? "invalid option" : "Option not supported for this target"
        return LaunchFailure(RealizeFailure(.badOption, "-old-param: " + text), at: option.location)
      }
      let isGone = MachineConfig.removed[option.name].map { $0 <= release } ?? false
      guard isGone || MachineConfig.added.contains(option.name) && release <= QEMURelease(7, 2) else { return nil }
      return LaunchFailure(RealizeFailure(.badOption, "-\(option.name): invalid option"), at: option.location)
    }
  }

  /// Two ways to choose the accelerator; `-enable-kvm` is `-machine accel=kvm` (QEMU system/vl.c: configure_accelerators; observed on
  /// 7.2.22, 10.0.13 and 11.1.3).
  private var twoAccelerators: LaunchFailure? {
    guard hasOption("accel"), let other = machine.last(where: { $0.name == "accel" }) else { return nil }
    return LaunchFailure(
      RealizeFailure(.badOption, "The -accel and \"-machine accel=\" options are incompatible"), at: other.location)
  }

  /// Interrupt controllers outside of KVM: 7.2 warns, and later releases refuse them for a processor with an APIC (QEMU
  /// target/i386/kvm/kvm-cpu.c; observed on 7.2.22, 10.0.13 and 11.1.3).
  private func userspaceInterrupts(_ qemu: QEMUProfile) -> LaunchFailure? {
    let kind = MachineKind(self)
    guard kind == .q35 || kind == .i440fx || kind == .microvm, !qemu.isBefore(8, 0), usesKVM == .known(true),
      kernelIrqchip == .known("off"), !options.contains(where: { $0.name == "cpu" && MachineConfig.maySetAPIC($0.value) }),
      let place = machine.last(where: { $0.name.hasPrefix("kernel") && $0.name.hasSuffix("irqchip") })
        ?? options.last(where: { $0.name == "accel" })
    else { return nil }
    return LaunchFailure(RealizeFailure(.refusedByKVM, "KVM does not support userspace APIC"), at: place.location)
  }

  private static func maySetAPIC(_ processor: PropertyValue) -> Bool {
    processor.string.map { $0.contains("apic") || $0.contains("$") } ?? true
  }

  /// The id of an object by its link, which may be its path (QEMU qom/object.c: object_resolve_path); empty parts do not count.
  static func objectID(_ link: String) -> String {
    let parts = link.split(separator: "/")
    if parts.count == 2, parts[0] == "objects" { return String(parts[1]) }
    return parts.count == 1 && link.first != "/" ? String(parts[0]) : link
  }

  // MARK: - Processors

  /// `-cpu host` is the processor of an accelerator that has the host's.
  private var hostCPU: LaunchFailure? {
    guard let cpu = processorOfHost, usesTCG else { return nil }
    return LaunchFailure(RealizeFailure(.noHostProcessor, MachineConfig.refusalOfHostProcessor), at: cpu.location)
  }

  /// A confidential guest without KVM. A TDX object that the machine does not use crashes QEMU when the machine is complete
  /// (QEMU hw/core/machine.c: machine_run_board_init; target/i386/kvm/tdx.c: tdx_finalize_vm; observed on 11.1.3).
  private func confidentialGuest(_ qemu: QEMUProfile) -> LaunchFailure? {
    guard usesKVM == .known(false), machine.allSatisfy({ $0.value.string != nil }) else { return nil }
    if let property = machine.last(where: { ["confidential-guest-support", "memory-encryption"].contains($0.name) }) {
      guard let type = objects.first(where: { $0.id == property.value.string })?.type else { return nil }
      switch type {
      case "tdx-guest", "sev-snp-guest":
        return LaunchFailure(
          RealizeFailure(.badOption, "cannot set up private guest memory for \(type): KVM required"), at: property.location)
      case "sev-guest" where qemu.isBefore(10, 0):
        // Observed on 7.2.22.
        let text = "qemu_machine_creation_done: Assertion `machine->cgs->ready' failed."
        return LaunchFailure(RealizeFailure(.crashingProperty, text, signal: "SIGABRT"), at: property.location)
      case "sev-guest":
        return LaunchFailure(
          RealizeFailure(.badOption, "accelerator does not support confidential guest \(type)"), at: property.location)
      default: return nil
      }
    }
    // Older releases have no such object.
    if qemu.isBefore(10, 1) { return nil }
    return objects.first { $0.type == "tdx-guest" }.map { object in
      LaunchFailure(
        RealizeFailure(
          .crashingProperty, "tdx-guest needs KVM: KVM_STATE: Object 0x… is not an instance of type kvm-accel", signal: "SIGABRT"),
        at: object.location)
    }
  }

  /// KVM of a host with another processor than the guest's (QEMU accel/accel-system.c and system/vl.c:
  /// do_configure_accelerator: a QEMU has no KVM for another architecture than its own). Proxmox, whose configuration
  /// names no program, takes that of the host.
  func foreignAccelerator(on host: Host) throws(Unknown) -> LaunchFailure? {
    guard libvirt == nil, program != nil, let target = emulator?.split(separator: "-").last, let option = ownKVM else { return nil }
    // A host without an IOMMU shows nothing, and passes no device through.
    guard let isArm = host.isArm else { _ = try host.iommus.value; return nil }
    guard (isArm ? ["x86_64", "i386", "amd64"] : ["aarch64", "arm", "arm64"]).contains(target) else { return nil }
    return LaunchFailure(RealizeFailure(.badOption, "invalid accelerator kvm"), at: option.location)
  }

  /// The option that asks for KVM and for no other accelerator.
  var ownKVM: Property? {
    let tried = triedAccelerators.filter { !$0.isMissing }
    return tried.allSatisfy { $0.name == "kvm" } ? tried.first?.option : nil
  }

  // MARK: - Names

  /// A machine's option that names an object.
  private func namedBackend(_ name: String) -> LaunchFailure? {
    let isMemory = name == "memory-backend"
    guard let property = machine.last(where: { $0.name == name }), let id = property.value.string, areObjectsKnown, !id.isEmpty || isMemory
    else { return nil }
    // Memory backends are made after the machine has read its options (QEMU system/vl.c: object_create_early).
    let object = objects.first { object in
      object.id == MachineConfig.objectID(id) && (object.type.map { $0.hasPrefix("memory-backend") == isMemory } ?? true)
    }
    let text: String
    switch object?.type {
    case "iommufd" where !isMemory, "iothread" where !isMemory: text = "Invalid parameter type for '\(name)', expected: \(name)"
    case nil where object == nil: text = (isMemory ? "Memory backend" : "Device") + " '\(id)' not found"
    default: return nil
    }
    return LaunchFailure(RealizeFailure(.badObject, text), at: property.location)
  }

  /// The old name of `confidential-guest-support` (QEMU hw/core/machine.c: machine_set_memory_encryption).
  private var memoryEncryption: LaunchFailure? {
    guard let property = machine.last(where: { $0.name == "memory-encryption" }), let id = property.value.string, areObjectsKnown,
      !property.value.isOfShell
    else { return nil }
    // QEMU takes no path here, and makes memory backends later.
    let object = objects.first { $0.id == id && $0.type?.hasPrefix("memory-backend") != true }
    let text: String
    switch object?.type {
    case "iommufd", "iothread": text = "Invalid parameter type for 'confidential-guest-support', expected: confidential-guest-support"
    case nil where object == nil: text = "No such memory encryption object '\(id)'"
    default: return nil
    }
    return LaunchFailure(RealizeFailure(.badObject, text), at: property.location)
  }

  /// Ids of character devices; nil when some are not known, or QEMU may give them itself.
  var characterDeviceIDs: Set<String>? { proxmox == nil && !hasOption("serial") ? ids(of: .characterDevice) : nil }

  var areObjectsKnown: Bool { objects.allSatisfy { $0.id != nil } }

  private var monitors: [LaunchFailure] {
    guard let known = ids(of: .characterDevice) else { return [] }
    return options.filter { $0.name == "mon" }.compactMap { option in
      guard let text = option.value.string, !text.contains("$"), !text.contains("`"),
        let id = OptionText.items(text, implied: "chardev").last(where: { $0.key == "chardev" })?.value, !known.contains(id),
        !isOfBoard(id)
      else { return nil }
      return LaunchFailure(RealizeFailure(.badOption, "chardev \"\(id)\" not found"), at: option.location)
    }
  }

  /// The part of a machine that a device's property names.
  enum Part {
    case disk, network, characterDevice, tpm, files, sound
    case object, device
  }

  private static let network: Set<String> = [
    "e1000", "e1000e", "igb", "ne2k_pci", "pcnet", "rtl8139", "tulip", "vmxnet3", "usb-net",
  ]

  private static let consoles: Set<String> = [
    "isa-debugcon", "isa-parallel", "ivshmem-doorbell", "usb-braille", "usb-redir", "usb-serial", "virtconsole", "virtserialport",
  ]

  /// The part that a property of a driver names, and the driver that QEMU's text calls it a property of: of a virtio device
  /// on PCI the one inside.
  static func part(_ name: String, of driver: String) -> (part: Part, owner: String)? {
    let virtio = driver.hasPrefix("virtio-net-pci") ? "virtio-net-device"
      : driver.hasPrefix("virtio-blk-pci") ? "virtio-blk-device" : nil
    switch name {
    case "drive" where virtio == "virtio-blk-device" || ["scsi-hd", "scsi-cd", "ide-hd", "ide-cd", "nvme", "usb-storage"].contains(driver):
      return (.disk, virtio ?? driver)
    case "netdev" where virtio == "virtio-net-device" || network.contains(driver): return (.network, virtio ?? driver)
    case "chardev" where driver == "isa-serial" || driver == "pci-serial": return (.characterDevice, "serial")
    case "chardev" where consoles.contains(driver): return (.characterDevice, driver)
    case "chardev" where driver.hasPrefix("vhost-user-fs-pci"): return (.characterDevice, "vhost-user-fs-device")
    case "chardev" where driver.hasPrefix("vhost-user-blk-pci"): return (.characterDevice, "vhost-user-blk")
    case "tpmdev" where driver == "tpm-tis" || driver == "tpm-crb": return (.tpm, driver)
    case "fsdev" where driver.hasPrefix("virtio-9p-pci"): return (.files, driver)
    case "audiodev" where soundCards.contains(driver): return (.sound, driver)
    case "memdev" where ["acpi-erst", "pc-dimm", "nvdimm", "virtio-mem-pci", "virtio-pmem-pci", "ivshmem-plain"].contains(driver):
      return (.object, driver)
    case "cryptodev" where driver.hasPrefix("virtio-crypto-pci"): return (.object, driver)
    case "subsys" where driver == "nvme": return (.object, driver)
    case "rng" where driver.hasPrefix("virtio-rng-pci"): return (.object, driver)
    case "iothread" where driver.hasPrefix("virtio-scsi-pci") || virtio == "virtio-blk-device": return (.object, driver)
    default: return nil
    }
  }

  /// Whether QEMU may give an id itself, as those of `-serial` or of `-drive` without an id, or Proxmox, whose disks and channels are not
  /// lowered.
  func isOfBoard(_ id: String) -> Bool {
    let ofQEMU = [
      "serial", "parallel", "compat_monitor", "debugcon", "gdb", "ide", "none", "virtio", "scsi", "floppy", "pflash", "sd", "mtd",
    ]
    let ofProxmox = ["drive-", "net", "qga", "spice", "tpm", "usbredir", "vdagent"]
    return (proxmox == nil ? ofQEMU : ofQEMU + ofProxmox).contains(where: id.hasPrefix)
  }

  /// The failure of a property that names a part which the machine does not have.
  private func unresolved(_ device: DeviceRequest, _ ids: inout [Part: Set<String>?], _ qemu: QEMUProfile) -> LaunchFailure? {
    guard let driver = device.driver else { return nil }
    // QEMU does not read the properties of the primary of a failover pair that it keeps back.
    if let pair = device.string("failover_pair_id"), known(.device, &ids)?.contains(pair) == true { return nil }
    for property in device.properties {
      guard let (part, owner) = MachineConfig.part(property.name, of: driver), let id = property.value.string,
        !id.isEmpty || [.sound, .network, .tpm, .files].contains(part), device.property(property.name) == property, !isOfBoard(id)
      else { continue }
      guard let known = known(part, &ids), !known.contains(part == .object ? MachineConfig.objectID(id) : id) else { continue }
      let text = switch part {
      case .object: "Device '\(id)' not found"
      case .sound: MachineConfig.missingAudio(id, of: owner, qemu)
      case .files: "9pfs device couldn't find fsdev with the id = \(id)"
      default: "Property '\(owner).\(property.name)' can't find value '\(id)'"
      }
      return LaunchFailure(RealizeFailure(.badOption, property: property.name, text), of: device)
    }
    return nil
  }

  private func known(_ part: Part, _ ids: inout [Part: Set<String>?]) -> Set<String>? {
    let known = ids[part] ?? self.ids(of: part)
    ids[part] = .some(known)
    return known
  }

  /// The ids of all parts of a kind; nil when some are not known, such as those that only a shell knows.
  func ids(of part: Part) -> Set<String>? {
    let (names, key): ([String], String)
    switch part {
    case .device: return Set(devices.compactMap(\.id))
    case .object: return areObjectsKnown ? Set(objects.compactMap(\.id) + devices.compactMap(\.id)) : nil
    case .disk: (names, key) = (["drive", "blockdev"], "node-name")
    case .network: (names, key) = (["netdev", "nic", "net"], "id")
    case .characterDevice: (names, key) = (["chardev"], "id")
    case .tpm: (names, key) = (["tpmdev"], "id")
    case .files: (names, key) = (["fsdev", "virtfs"], "id")
    case .sound: return audioIDs
    }
    var ids: Set<String> = []
    for option in options where names.contains(option.name) {
      if let members = jsonMembers[option.location] {
        if members.contains(where: \.value.isUnknown) { return nil }
        for member in members where member.name == "id" || key != "id" && member.name.hasSuffix(key) {
          member.value.string.map { _ = ids.insert($0) }
        }
        continue
      }
      guard let text = option.value.string, text.first != "{", !text.contains("$"), !text.contains("`") else { return nil }
      for item in OptionText.items(text, implied: "") where item.key == "id" || item.key.hasSuffix(key) { ids.insert(item.value) }
    }
    return ids
  }
}
