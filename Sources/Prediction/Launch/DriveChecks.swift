import Facts

/// `-drive` and its short forms: interfaces and places that the board does not have (QEMU blockdev.c: drive_new,
/// drive_check_orphaned; recorded from 7.2.22, 10.0.13 and 11.1.3).
struct DriveChecks {
  /// The refusals of drives in the order in which QEMU makes them, and then those of drives that no part of the board took.
  private(set) var failures: [LaunchFailure] = []

  private let kind: MachineKind
  private let hasSATA: Bool
  private var taken: Set<Place> = []
  /// The last place that QEMU chose, by where its search began: all before it are taken.
  private var chosen: [Place: Place] = [:]
  private var ids: Set<String> = []

  private struct Place: Hashable {
    let interface: String
    var bus: Int
    var unit: Int
  }

  /// Units on a bus where the interface has a limit.
  private func limit(_ interface: String) -> Int {
    switch interface {
    case "ide": kind == .q35 ? 1 : 2
    case "scsi": 7
    // The usual interface of a microvm, which has one drive on each bus (QEMU hw/i386/microvm.c: microvm_class_init).
    case "none" where kind == .microvm: 1
    default: 0
    }
  }

  init(_ machine: MachineConfig, _ qemu: QEMUProfile) {
    kind = MachineKind(machine)
    hasSATA = machine.machineSetting("sata") != .known("off")
    switch kind {
    case .q35, .i440fx, .microvm, .virt: break
    case .withoutPCI, .unknown: return
    }
    // A drive that is not known may take any place.
    guard !machine.options.contains(where: { $0.name == "drive" && ($0.value.string == nil || $0.value.isOfShell) }) else { return }
    let users = Dictionary(machine.devices.compactMap { user in user.value("drive")?.string.map { ($0, user) } }) { first, _ in first }
    var unclaimed: [LaunchFailure] = []
    for option in machine.options {
      guard let items = DriveChecks.items(option) else { continue }
      func failure(_ text: String) -> LaunchFailure { LaunchFailure(RealizeFailure(.badOption, text), at: option.location) }
      let place: Place
      switch take(items) {
      case .refused(let text):
        failures.append(failure(text))
        return
      case .placed(let taken): place = taken
      }
      if isOfBoard(place), items.keys.allSatisfy(DriveChecks.ofPlace.contains), items["media"] != "cdrom",
        place.interface == "ide" || place.interface == "virtio"
      {
        unclaimed.append(failure("Device needs media, but drive is empty"))
      }
      if let id = items["id"], let user = users[id], isOfBoard(place), place.interface == "ide" || place.interface == "floppy" {
        let text = "Drive '\(id)' is already in use because it has been automatically connected to another device "
          + "(did you need 'if=none' in the drive options?)"
        unclaimed.append(LaunchFailure(RealizeFailure(.badOption, property: "drive", text), of: user))
      }
      if place.interface == "xen", !qemu.isBefore(8, 2) {
        // Xen and KVM's emulation of it have the bus.
        let accelerators = machine.options.filter { $0.name == "accel" } + machine.machine
        let hasXen = kind == .virt || accelerators.contains { $0.value.string?.contains("xen") != false }
        if !hasXen { unclaimed.append(failure("No 'xen-bus' bus found for device 'xen-disk'")) }
      } else if !isOfBoard(place) {
        unclaimed.append(failure("machine type does not support if=\(place.interface),bus=\(place.bus),unit=\(place.unit)"))
      }
    }
    failures += unclaimed
  }

  /// The settings of an option that makes a drive (QEMU system/vl.c).
  private static func items(_ option: Property) -> [String: String]? {
    switch option.name {
    case "drive":
      var items: [String: String] = [:]
      for (key, value) in OptionText.items(option.value.string ?? "", implied: "file") { items[key] = value }
      return items
    case "hda": return ["file": "", "index": "0"]
    case "hdb": return ["file": "", "index": "1"]
    case "hdc", "cdrom": return ["file": "", "index": "2"]
    case "hdd": return ["file": "", "index": "3"]
    case "fda": return ["file": "", "if": "floppy", "index": "0"]
    case "fdb": return ["file": "", "if": "floppy", "index": "1"]
    case "mtdblock", "sd", "pflash": return ["file": "", "if": option.name == "mtdblock" ? "mtd" : option.name]
    default: return nil
    }
  }

  private static let ofPlace: Set<String> = ["bus", "id", "if", "index", "media", "unit"]

  private enum Outcome {
    case refused(String)
    case placed(Place)
  }

  private static let interfaces: Set<String> = ["none", "ide", "scsi", "floppy", "pflash", "mtd", "sd", "virtio", "xen"]

  /// Values of options that have few, in QEMU's order (QEMU blockdev.c: blockdev_init, extract_common_blockdev_options).
  private static let choices: [(name: String, values: Set<String>)] = [
    ("discard", ["ignore", "off", "on", "unmap"]),
    ("cache", ["directsync", "none", "off", "unsafe", "writeback", "writethrough"]),
    ("aio", ["io_uring", "native", "threads"]),
    ("werror", ["enospc", "ignore", "report", "stop"]), ("rerror", ["ignore", "report", "stop"]),
  ]

  private mutating func take(_ items: [String: String]) -> Outcome {
    var numbers: [String: Int] = [:]
    for name in ["bus", "unit", "index"] {
      guard let text = items[name] else { continue }
      // QEMU keeps 32 bits of it.
      switch QEMUNumber.integer(text) {
      case .natural(let number)?: numbers[name] = Int(Int32(truncatingIfNeeded: number))
      case .negative(let number)?: numbers[name] = Int(Int32(truncatingIfNeeded: number))
      case nil: return .refused("Parameter '\(name)' expects a number")
      }
    }
    if let id = items["id"], OptionValues.written(.string(id)) != nil, !QEMUIdentifier.isWellFormed(id) {
      return .refused("Parameter 'id' expects an identifier")
    }
    if let id = items["id"], !ids.insert(id).inserted { return .refused("Duplicate ID '\(id)' for drive") }
    if let media = items["media"], media != "disk", media != "cdrom" { return .refused("'\(media)' invalid media") }
    let interface = items["if"] ?? (kind == .virt ? "virtio" : kind == .microvm ? "none" : "ide")
    guard DriveChecks.interfaces.contains(interface) else { return .refused("unsupported bus type '\(interface)'") }
    for name in ["readonly", "read-only"] where items[name].map({ QEMUBool($0) == .invalid }) == true {
      return .refused("Parameter 'read-only' expects 'on' or 'off'")
    }
    for (name, values) in DriveChecks.choices {
      guard let value = items[name], !values.contains(value) else { continue }
      switch name {
      case "discard": return .refused("Invalid discard option")
      case "rerror", "werror": return .refused("'\(value)' invalid \(name == "rerror" ? "read" : "write") error action")
      default: return .refused("invalid \(name) option")
      }
    }
    if let value = items["detect-zeroes"], !["off", "on", "unmap"].contains(value) { return .refused("invalid parameter value: \(value)") }
    if DriveChecks.needsDirectIO(items) {
      return .refused("aio=native was specified, but it requires cache.direct=on, which was not specified.")
    }
    for name in ["driver", "format", "file.driver"] {
      if let driver = items[name], MachineConfig.isNoDriver(driver) { return .refused("Unknown driver '\(driver)'") }
    }
    let limit = limit(interface)
    var place = Place(interface: interface, bus: numbers["bus"] ?? 0, unit: numbers["unit"] ?? -1)
    if let index = numbers["index"], index != -1 {
      if place.bus != 0 || place.unit != -1 { return .refused("index cannot be used with bus and unit") }
      place.bus = limit == 0 ? 0 : index / limit
      place.unit = limit == 0 ? index : index % limit
    }
    if place.unit == -1 {
      place.unit = 0
      let first = place
      place = chosen[first] ?? first
      while taken.contains(place) {
        place.unit += 1
        if limit > 0, place.unit >= limit {
          place.unit -= limit
          place.bus += 1
        }
      }
      chosen[first] = place
    }
    if limit > 0, place.unit >= limit { return .refused("unit \(place.unit) too big (max is \(limit - 1))") }
    guard taken.insert(place).inserted else {
      let index = limit == 0 ? place.unit : place.bus * limit + place.unit
      return .refused("drive with bus=\(place.bus), unit=\(place.unit) (index=\(index)) exists")
    }
    return .placed(place)
  }

  /// Whether a file is to be read past the host's cache, and is not opened so (QEMU block/file-posix.c: raw_open_common).
  private static func needsDirectIO(_ items: [String: String]) -> Bool {
    guard items["aio"] == "native", let file = items["file"], file.hasPrefix("/"), items["snapshot"] == nil, items["driver"] == nil,
      ["raw", "qcow2"].contains(items["format"] ?? "")
    else { return false }
    if let direct = items["cache.direct"] { return QEMUBool(direct) == .off }
    return !["none", "off", "directsync"].contains(items["cache"] ?? "")
  }

  /// Whether QEMU creates a device of the drive, or leaves it to others.
  private func isOfBoard(_ place: Place) -> Bool {
    let isPC = kind == .q35 || kind == .i440fx
    switch place.interface {
    case "none", "virtio": return true
    case "ide" where kind == .q35: return hasSATA && (0..<6).contains(place.bus) && place.unit == 0
    case "ide" where kind == .i440fx: return (0..<2).contains(place.bus) && (0..<2).contains(place.unit)
    case "floppy": return isPC && place.bus == 0 && (0..<2).contains(place.unit)
    case "pflash": return (isPC || kind == .virt) && place.bus == 0 && (0..<2).contains(place.unit)
    default: return false
    }
  }
}
