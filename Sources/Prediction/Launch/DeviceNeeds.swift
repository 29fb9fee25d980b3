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
      "usb-braille": ("chardev", "Property chardev is required"), "ccid-card-passthru": ("chardev", "missing chardev"),
      "usb-mtp": ("rootdir", rootOfMTP), "loader": ("addr", "please include valid arguments"),
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
    if base(driver) == "vhost-user-fs-pci", has("chardev"), !has("tag") { return ("tag", "missing tag property") }
    if driver == "loader", has("file") || has("data") || has("data-len") { return nil }
    guard let need = required[base(driver)], !has(need.property) else { return nil }
    return need
  }

  private static let rootOfMTP = "usb-mtp: rootdir must be configured and be an absolute path"

  /// The refusal of a value of a device.
  static func refusal(_ driver: String, _ property: Property, _ qemu: QEMUProfile) -> String? {
    switch QEMUNumber.integer(of: property.value) {
    case .natural(let number)?:
      if let text = refusal(driver, property.name, number, qemu) { return text }
    case .negative(let number)? where driver.hasPrefix("virtio-net-pci") && property.name == "speed":
      return number < -1 ? "'speed' must be between 0 and INT_MAX" : nil
    default: break
    }
    if let text = property.value.string { return refusal(driver, property.name, text: text, qemu) }
    return nil
  }

  private static func refusal(_ driver: String, _ property: String, text: String, _ qemu: QEMUProfile) -> String? {
    let length = text.utf8.count
    switch (base(driver), property) {
    case ("virtio-net-pci", "duplex") where text != "half" && text != "full": return "'duplex' must be 'half' or 'full'"
    // QEMU hw/nvme/ctrl.c: nvme_check_params, of 11.1.
    case ("nvme", "serial") where length > 20 && !qemu.isBefore(10, 1): return "'serial' parameter '\(text)' can be at most '20' characters"
    case ("vhost-user-fs-pci", "tag") where text.isEmpty: return "tag property cannot be empty"
    case ("vhost-user-fs-pci", "tag") where length > 36: return "tag property must be 36 bytes or less"
    case ("virtio-9p-pci", "mount_tag") where length > 31:
      return "mount tag '\(text)' (\(length) bytes) is longer than maximum (31 bytes)"
    case ("vmgenid", "guid"), ("ipmi-bmc-sim", "guid"):
      if OptionValues.isUUID(text) || driver == "vmgenid" && text == "auto" { return nil }
      return "Property '\(driver).guid' doesn't take value '\(text)'"
    case (_, "rerror"), (_, "werror"):
      return ["report", "ignore", "enospc", "stop", "auto"].contains(text) ? nil : "Parameter '\(property)' does not accept value '\(text)'"
    case ("usb-mtp", "rootdir") where text.first != "/": return rootOfMTP
    case ("bochs-display", "vgamem"):
      guard case .bytes(let size) = QEMUNumber.size(text, isOld: qemu.isBefore(8, 0)) else { return nil }
      return size < 4 << 20 ? "bochs-display: video memory too small" : size > 256 << 20 ? "bochs-display: video memory too big" : nil
    default: return nil
    }
  }

  /// The refusal of a number of a device.
  private static func refusal(_ driver: String, _ property: String, _ number: UInt64, _ qemu: QEMUProfile) -> String? {
    let isOld = qemu.isBefore(8, 0)
    switch (base(driver), property) {
    case ("cirrus-vga", "vgamem_mb") where ![4, 8, 16].contains(number), ("isa-cirrus-vga", "vgamem_mb") where ![4, 8, 16].contains(number):
      return "Invalid cirrus_vga ram size '\(number)'"
    case ("isa-serial", "index") where 4..<0xffff_ffff ~= number: return "Max. supported number of ISA serial ports is 4."
    case ("nvme", "mdts") where number == 0 && !isOld: return "mdts exceeds IOV_MAX"
    case ("nvme-ns", "nsid") where number > 256 && number < 0xffff_ffff: return "invalid namespace id (must be between 0 and 256)"
    case ("ufs", "nutrs") where number > 32: return "nutrs must be less than or equal to 32"
    case ("ufs", "nutmrs") where number > 8: return "nutmrs must be less than or equal to 8"
    case ("usb-tablet", "usb_version"), ("usb-mouse", "usb_version"), ("usb-kbd", "usb_version"):
      return number == 1 || number == 2 ? nil : "Invalid usb version \(number) for usb hid device"
    case ("usb-host", "vendorid") where number > 0xffff: return "vendorid out of range"
    case ("usb-host", "productid") where number > 0xffff: return "productid out of range"
    case ("usb-host", "hostaddr") where number > 127: return "hostaddr out of range"
    case ("vhost-user-fs-pci", "num-request-queues") where number == 0: return "num-request-queues property must be larger than 0"
    case ("vhost-user-fs-pci", "queue-size") where number & (number &- 1) != 0: return "queue-size property must be a power of 2"
    case ("virtio-gpu-pci", "max_outputs") where number > 16, ("virtio-vga", "max_outputs") where number > 16:
      return "invalid max_outputs > 16"
    case ("virtio-rng-pci", "max-bytes") where number > UInt64(Int64.max) || number == 0 && !isOld:
      return "'max-bytes' parameter must be \(isOld ? "non-negative" : "positive"), and less than 2^63"
    case ("virtio-sound-pci", "jacks") where number > 8: return "Invalid number of jacks: \(number)"
    case ("virtio-sound-pci", "streams") where !(1...10 ~= number): return "Invalid number of streams: \(number)"
    case ("virtio-sound-pci", "chmaps") where number > 18: return "Invalid number of channel maps: \(number)"
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
      guard !property.value.isOfShell, request.property(property.name) == property,
        let text = DeviceNeeds.refusal(driver, property, qemu) ?? queueRefusal(property)
      else { continue }
      // The old number of queues replaces the new one.
      if property.name == "max_ioqpairs", has("num_queues") { continue }
      return RealizeFailure(.badOption, property: property.name, text)
    }
    if DeviceNeeds.base(driver) == "virtio-9p-pci", let id = request.string("fsdev"), !has("mount_tag") {
      if let missing = machine.missingGlobals { throw missing }
      return RealizeFailure(.badOption, property: "driver", "fsdev with id \(id) needs mount_tag arguments")
    }
    return try relationRefusal()
  }

  /// The refusal of values that do not fit each other, or the machine.
  private func relationRefusal() throws(Unknown) -> RealizeFailure? {
    func refused(_ property: String, _ text: String) -> RealizeFailure { RealizeFailure(.badOption, property: property, text) }
    if driver == "nvme", request.has("zoned.zasl"), try otherNumber("zoned.zasl", default: 0) > otherNumber("mdts", default: 7) {
      return refused(
        "zoned.zasl", "zoned.zasl (Zone Append Size Limit) must be less than or equal to mdts (Maximum Data Transfer Size)")
    }
    // The USB controller whose ports a companion shares (QEMU hw/usb/bus.c: usb_register_companion).
    if let name = request.string("masterbus"), guest.hasOnlyKnownDevices, guest.otherBuses[name] != "usb-bus" {
      return refused("masterbus", "USB bus '\(name)' not found")
    }
    return try blockRefusal()
  }

  /// The refusal of the sizes of a disk's blocks (QEMU hw/block/block.c: blkconf_blocksizes). Those that are not given are of the medium.
  private func blockRefusal() throws(Unknown) -> RealizeFailure? {
    func size(_ name: String) -> UInt64? {
      guard let value = request.value(name) else { return nil }
      if case .natural(let number)? = QEMUNumber.integer(of: value) { return number }
      guard let text = value.string, case .bytes(let size) = QEMUNumber.size(text, isOld: qemu.isBefore(8, 0)) else { return nil }
      return size
    }
    let logical = size("logical_block_size").flatMap { $0 == 0 ? nil : $0 }
    if let logical, let physical = size("physical_block_size"), physical != 0, logical > physical {
      return RealizeFailure(.badOption, property: "logical_block_size", "logical_block_size > physical_block_size not supported")
    }
    // A medium's blocks have 512 bytes or a multiple.
    for name in ["min_io_size", "opt_io_size", "discard_granularity"] {
      // All ones stand for a granularity that QEMU chooses.
      guard let length = size(name), length % (logical ?? 512) != 0, name.hasSuffix("size") || length != 0xffff_ffff else { continue }
      return RealizeFailure(.badOption, property: name, "\(name) must be a multiple of logical_block_size")
    }
    return nil
  }

  /// The refusal of the size of a network card's sending queues, which may be longer where another program serves its network (QEMU
  /// hw/net/virtio-net.c: virtio_net_max_tx_queue_size).
  private func queueRefusal(_ property: Property) -> String? {
    guard DeviceNeeds.base(driver) == "virtio-net-pci", property.name == "tx_queue_size",
      case .natural(let number)? = QEMUNumber.integer(of: property.value)
    else { return nil }
    let isOld = qemu.isBefore(8, 0), isPowerOfTwo = number & (number &- 1) == 0
    if isPowerOfTwo, number == 256 || isOld && 256...1024 ~= number { return nil }
    if !isOld, let id = request.string("netdev"), machine.isServed(network: id) ?? true { return nil }
    return "Invalid tx_queue_size (= \(number)), must be a power of 2 between 256 and \(isOld ? 1024 : 256)"
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
      let property = Property(name: global.property, value: .string(global.value), location: global.location)
      return global.property == "tx_queue_size" || DeviceNeeds.refusal(driver, property, qemu) != nil
    }
  }

  /// Whether another program serves a network; nil where that is not known.
  fileprivate func isServed(network id: String) -> Bool? {
    for option in options where option.name == "netdev" {
      let members = jsonMembers[option.location]?.compactMap { member in member.value.string.map { (key: member.name, value: $0) } }
      let items = members ?? OptionText.items(option.value.string ?? "", implied: "type")
      guard items.contains(where: { $0.key == "id" && $0.value == id }) else { continue }
      let own: Set<String> = ["bridge", "dgram", "hubport", "l2tpv3", "socket", "stream", "tap", "user"]
      return items.last { $0.key == "type" }.map { !own.contains($0.value) }
    }
    return nil
  }
}
