import Facts

/// Parts that other devices cannot be without, and numbers that they accept, each with QEMU's text (recorded from 7.2.22, 10.0.13 and
/// 11.1.3).
enum DeviceNeeds {
  /// The property that a device must have, and the refusal of one without it.
  private static let required: [String: (property: String, text: String)] = {
    let bmc = ("bmc", "IPMI device requires a bmc attribute to be set")
    let drive = ("drive", "drive property not set")
    let tpm = ("tpmdev", "'tpmdev' property is required")
    return [
      "ivshmem-doorbell": ("chardev", "You must specify a 'chardev'"), "ivshmem-plain": ("memdev", "You must specify a 'memdev'"),
      "isa-ipmi-bt": bmc, "isa-ipmi-kcs": bmc, "pci-ipmi-bt": bmc, "pci-ipmi-kcs": bmc, "smbus-ipmi": bmc,
      "ipmi-bmc-extern": ("chardev", "IPMI external bmc requires chardev attribute"),
      "isa-debugcon": ("chardev", "Can't create debugcon device, empty char device"),
      "isa-parallel": ("chardev", "Can't create parallel device, empty char device"),
      "ide-hd": ("drive", "No drive specified"), "scsi-hd": drive, "usb-storage": drive, "virtio-blk-pci": drive,
      "nvme": ("serial", "serial property not set"), "nvme-ns": ("drive", "block backend not configured"),
      "usb-redir": ("chardev", "Parameter 'chardev' is missing"), "usb-serial": ("chardev", "Property chardev is required"),
      "tpm-crb": tpm, "tpm-tis": tpm, "vhost-scsi-pci": ("wwpn", "vhost-scsi: missing wwpn"),
      "vhost-user-blk-pci": ("chardev", "chardev is mandatory"), "vhost-user-fs-pci": ("chardev", "missing chardev"),
      "acpi-erst": ("memdev", "'memdev' property is not set"), "cxl-switch-mailbox-cci": ("target", "Target not set"),
      "vhost-vdpa-device-pci": ("vhostdev", "vhost-vdpa-device: vhostdev are missing"),
      "vhost-vsock-pci": ("guest-cid", "guest-cid property must be greater than 2"),
      "virtio-9p-pci": ("fsdev", "9pfs device couldn't find fsdev with the id = NULL"),
      "virtio-crypto-pci": ("cryptodev", "'cryptodev' parameter expects a valid object"),
      "virtio-input-host-pci": ("evdev", "evdev property is required"),
    ]
  }()

  /// A device of a generation of virtio is the same inside.
  static func base(_ driver: String) -> String {
    for suffix in ["-non-transitional", "-transitional"] where driver.hasSuffix(suffix) { return String(driver.dropLast(suffix.count)) }
    return driver
  }

  /// The type of the device in one of virtio on PCI, and that which it derives from; none for any other.
  static func inside(_ driver: String) -> Set<String> {
    let base = base(driver)
    guard base.hasPrefix("virtio-"), base.hasSuffix("-pci") else { return [] }
    let device = String(base.dropLast("pci".count)) + "device"
    return base == "virtio-scsi-pci" ? [device, "virtio-scsi-common"] : [device]
  }

  /// The property that a device lacks, and QEMU's text about it.
  /// - Parameter has: whether the request or a `-global` gives a property.
  static func missing(_ driver: String, has: (String) -> Bool) -> (property: String, text: String)? {
    guard let need = required[base(driver)], !has(need.property) else { return nil }
    return need
  }

  /// The refusal of a number of a device.
  static func refusal(_ driver: String, _ property: String, _ number: UInt64) -> String? {
    switch (base(driver), property) {
    case ("nvme", "max_ioqpairs") where !(1...65535 ~= number): return "max_ioqpairs must be between 1 and 65535"
    case ("nvme", "msix_qsize") where !(1...2048 ~= number): return "msix_qsize must be between 1 and 2048"
    case ("virtio-blk-pci", "num-queues") where number == 0: return "num-queues property must be larger than 0"
    case ("virtio-blk-pci", "queue-size") where number <= 2: return "invalid queue-size property (\(number)), must be > 2"
    case ("virtio-blk-pci", "queue-size") where number & (number - 1) != 0 || number > 1024:
      return "invalid queue-size property (\(number)), must be a power of 2 (max 1024)"
    case ("virtio-net-pci", "rx_queue_size") where number == 0 || number & (number - 1) != 0 || !(256...1024 ~= number):
      return "Invalid rx_queue_size (= \(number)), must be a power of 2 between 256 and 1024."
    case ("virtio-rng-pci", "period") where number == 0: return "'period' parameter expects a positive integer"
    case ("virtio-scsi-pci", "num_queues") where number == 0 || 1023..<0xffff_ffff ~= number:
      return "Invalid number of queues (= \(number)), must be a positive integer less than 1022."
    case ("virtio-scsi-pci", "virtqueue_size") where number <= 2: return "invalid virtqueue_size property (= \(number)), must be > 2"
    case ("virtio-serial-pci", "max_ports") where number == 0: return "Maximum number of serial ports not specified"
    case ("virtio-serial-pci", "max_ports") where number > 511: return "maximum ports supported: 511"
    case ("vhost-vsock-pci", "guest-cid") where number <= 2: return "guest-cid property must be greater than 2"
    case ("vhost-vsock-pci", "guest-cid") where number > 0xffff_ffff: return "guest-cid property must be a 32-bit number"
    default: return nil
    }
  }
}

extension RealizeContext {
  /// The refusal of a device that lacks a part, or of a number of it.
  func needRefusal() throws(Unknown) -> RealizeFailure? {
    // A type that this QEMU does not have is refused for that.
    guard qemu.modelledRelease != nil, LaunchFailure.unknown(request, in: machine, qemu) == nil else { return nil }
    func has(_ name: String) -> Bool { settings.has(name) || index.globalProperties.contains(name) }
    if let need = DeviceNeeds.missing(driver, has: has) {
      if let missing = machine.missingGlobals { throw missing }
      // A text of the shell may hold more than the value that it begins with.
      if let property = request.properties.first(where: \.value.isOfShell) {
        throw Unknown("\(need.property) of \(request.plainName)", reason: "only the shell knows `\(property.name)`")
      }
      return RealizeFailure(.badOption, property: "driver", need.text)
    }
    if !settings.has("audiodev"), index.lacksAudio(driver) {
      if let missing = machine.missingPart { throw Unknown("audiodev of \(request.plainName)", reason: missing) }
      return RealizeFailure(.badOption, property: "driver", "no default audio driver available")
    }
    let request = withGlobals
    for property in request.properties {
      guard case .natural(let number)? = QEMUNumber.integer(of: property.value),
        request.property(property.name) == property, let text = DeviceNeeds.refusal(driver, property.name, number)
      else { continue }
      // The old number of queues replaces the new one.
      if property.name == "max_ioqpairs", has("num_queues") { continue }
      return RealizeFailure(.badOption, property: property.name, text)
    }
    return nil
  }

  /// The request with the values of `-global` options that QEMU refuses, or crashes on, where the device does not set them itself.
  var withGlobals: DeviceRequest {
    if machine.globals.isEmpty { return request }
    return request.with(index.badValues[driver] ?? machine.badValues(of: driver, qemu))
  }
}

extension MachineConfig {
  /// The `-global` options with such a value for a type of device, as far as it is known. Those of the device inside one of virtio come
  /// first, in the order of the options also where they name its base type.
  func badValues(of driver: String, _ qemu: QEMUProfile) -> [GlobalProperty] {
    let inside = DeviceNeeds.inside(driver)
    let given = globals.filter { inside.contains($0.driver) } + globals.filter { $0.driver == driver }
    let last = Dictionary(given.enumerated().map { ($1.property, $0) }) { $1 }
    return last.values.sorted().map { given[$0] }.filter { global in
      let type = Property(name: "driver", value: .string(driver), location: global.location)
      let request = DeviceRequest(form: .keyval, plug: .cold, properties: [type], location: global.location).with([global])
      if QEMUCrash.property(of: request, in: qemu) != nil { return true }
      guard case .natural(let number)? = QEMUNumber.integer(of: .string(global.value)) else { return false }
      return DeviceNeeds.refusal(driver, global.property, number) != nil
    }
  }
}
