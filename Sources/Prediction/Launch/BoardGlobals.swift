import Facts

/// `-global` options for types that devices of every board derive from, which the first such device refuses (recorded on 11.1.3, and
/// observed on 7.2.22).
extension MachineConfig {
  /// The classes and interfaces of every device, of the board too.
  static let basesOfDevices: Set<String> = ["device", "object", "resettable", "vmstate-if", "sys-bus-device"]

  /// The classes and interfaces of a board's PCI devices, of which the host bridge is the first.
  static let basesOfHostBridges: Set<String> = ["pci-device", "conventional-pci-device"]

  /// The refusal of a `-global` for every device. Other devices of the board have none of the properties that the first one has.
  func refusalByFirstDevice(_ global: GlobalProperty, _ kind: MachineKind, _ qemu: QEMUProfile) -> RealizeFailure? {
    let isSystem = global.driver == "sys-bus-device"
    var first = "cfi.pflash01"
    if kind == .microvm {
      first = isSystem ? "fw_cfg_io" : "migration"
    } else if MachineConfig.ofFlash.contains(global.property) {
      first = kind == .virt ? isSystem ? "arm_gic" : "migration" : isSystem ? "kvmvapic" : "isa-pcspk"
    }
    switch global.property {
    case "realized":
      guard QEMUBool(global.value) == .on else { return nil }
      let isFlash = kind != .microvm
      if isFlash, qemu.isBefore(8, 0) {
        return RealizeFailure(
          .badGlobal, "can't apply global \(global.driver).realized=\(global.value): attribute \"sector-length\" not specified or zero.")
      }
      return RealizeFailure(
        .crashingGlobal, property: "realized",
        isFlash ? "qdev_get_machine: Assertion `dev' failed." : "object_property_try_add_child: Assertion `!child->parent' failed.",
        signal: "SIGABRT")
    case "type", "hotplugged", "hotpluggable", "parent_bus": return MachineConfig.notWritable(global, by: first)
    default:
      let text = "can't apply global \(global.driver).\(global.property)=\(global.value): "
      return RealizeFailure(.badGlobal, text + "Property '\(first).\(global.property)' not found")
    }
  }

  static func notWritable(_ global: GlobalProperty, by driver: String) -> RealizeFailure {
    RealizeFailure(
      .badGlobal,
      "can't apply global \(global.driver).\(global.property)=\(global.value): Property '\(driver).\(global.property)' is not writable")
  }

  private static let ofFlash: Set<String> = [
    "big-endian", "device-width", "drive", "id0", "id1", "id2", "id3", "max-device-width", "name", "num-blocks",
    "old-multiple-chip-handling", "sector-length", "secure", "width",
  ]

  /// The refusal of a `-global` for every PCI Express device by the first card that boards with a list of cards make an object of. It
  /// has what the PCI core gives, but nothing of it has an effect there.
  func refusalByFirstCard(_ global: GlobalProperty, _ kind: MachineKind, _ qemu: QEMUProfile) -> RealizeFailure? {
    guard global.driver == "pci-express-device", kind != .microvm, !qemu.isBefore(8, 0),
      !["bootindex", "realized"].contains(global.property), !MachineConfig.ofFirstCard.contains(global.property)
    else { return nil }
    let named = "can't apply global \(global.driver).\(global.property)=\(global.value): "
    switch DeviceProperties.lookup(global.property, of: "e1000e", in: qemu) {
    case .kind(let kind) where DeviceProperties.isOfPCICore(global.property, in: qemu):
      return PropertyChecks.globalRefusal(global.property, global.value, kind: kind, driver: "e1000e", in: qemu).map {
        RealizeFailure(.badGlobal, named + $0)
      }
    case _ where DeviceProperties.isOfPCICore(global.property, in: qemu): return MachineConfig.notWritable(global, by: "e1000e")
    default: return RealizeFailure(.badGlobal, named + "Property 'e1000e.\(global.property)' not found")
    }
  }

  private static let ofFirstCard: Set<String> = ["disable_vnet_hdr", "init-vet", "mac", "migrate-timadj", "netdev", "subsys", "subsys_ven"]

  /// The `acpi-index` that a `-global` gives to the host bridge, and that no other device can have then.
  func indexOfHostBridge(_ qemu: QEMUProfile) -> UInt64? {
    guard !globals.isEmpty, !qemu.isBefore(8, 0),
      let global = globals.last(where: { $0.property == "acpi-index" && MachineConfig.basesOfHostBridges.contains($0.driver) }),
      case .natural(let index)? = QEMUNumber.integer(global.value)
    else { return nil }
    return index
  }
}
