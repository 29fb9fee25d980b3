import Facts

/// Parts of a machine that one device alone can have (QEMU hw/core/qdev-properties-system.c: set_drive_helper, set_netdev, set_chr;
/// recorded from 7.2.22, 10.0.13 and 11.1.3).
extension MachineConfig {
  private struct Taken: Hashable {
    let part: Part
    let id: String
  }

  /// The refusals of devices whose drive, network or character device another one has.
  func takenParts(_ qemu: QEMUProfile) -> [LaunchFailure] {
    // A setting may make a character device one that several may have.
    guard sets.isEmpty else { return [] }
    let single = singleParts
    guard !single.isEmpty else { return [] }
    // Hubs are made before monitors, these before the board's ports, and those before any device.
    let ofHubs = items(of: "chardev", implied: "backend").flatMap { $0.filter { $0.key.hasPrefix("chardevs.") } }
    var taken = Set(ofHubs.map { Taken(part: .characterDevice, id: $0.value) })
    let isPC = [.q35, .i440fx].contains(MachineKind(self))
    let named = options.compactMap { option in namedCharacterDevice(option).map { (option, $0) } }
    var failures: [LaunchFailure] = []
    for (option, id) in named.filter({ !$0.0.isPort }) + named.filter({ $0.0.isPort }) {
      let part = Taken(part: .characterDevice, id: id)
      guard single.contains(part), !taken.insert(part).inserted, !option.isPort || isPC else { continue }
      // A board has no answer to the refusal (QEMU hw/char/serial-isa.c: serial_isa_init).
      let (cause, signal): (FailureCause, String?) = option.isPort ? (.crashingProperty, "SIGABRT") : (.badOption, nil)
      failures.append(LaunchFailure(RealizeFailure(cause, MachineConfig.inUse(id, qemu), signal: signal), at: option.location))
    }
    // A primary device of failover comes when the guest asks for its partner.
    let made = devices.filter { !$0.has("failover_pair_id") }
    for device in made.filter({ $0.form == .keyval }) + made.filter({ $0.form == .json }) {
      for name in ["drive", "netdev", "chardev"] {
        guard let driver = device.driver, let (part, owner) = MachineConfig.part(name, of: driver), let id = device.string(name),
          single.contains(Taken(part: part, id: id)), !taken.insert(Taken(part: part, id: id)).inserted
        else { continue }
        let text = switch part {
        case .disk: "Drive '\(id)' is already in use by another device"
        case .network: "Property '\(owner).\(name)' can't take value '\(id)', it's in use"
        default:
          "Property '\(owner).\(name)' can't take value '\(id)': "
            + MachineConfig.inUse(id, qemu)
        }
        failures.append(LaunchFailure(RealizeFailure(.badOption, property: name, text), of: device))
      }
    }
    return failures
  }

  private static func inUse(_ id: String, _ qemu: QEMUProfile) -> String {
    qemu.isBefore(8, 0) ? "Device '\(id)' is in use" : "chardev '\(id)' is already in use"
  }

  /// The character device that a monitor or a port of the board names.
  func namedCharacterDevice(_ option: Property) -> String? {
    guard !shellLocations.contains(option.location), let text = OptionValues.written(option.value) else { return nil }
    switch option.name {
    case "mon": return OptionText.items(text, implied: "chardev").last { $0.key == "chardev" }?.value
    case "monitor", "qmp", "qmp-pretty", "serial", "parallel":
      return text.hasPrefix("chardev:") ? String(text.dropFirst("chardev:".count)) : nil
    default: return nil
    }
  }

  private func items(of name: String, implied: String) -> [[(key: String, value: String)]] {
    options.filter { $0.name == name }.map { OptionText.items($0.value.string ?? "", implied: implied) }
  }

  /// Drives of no interface, networks, and character devices without a multiplexer. A node of `-blockdev` may have several users.
  private var singleParts: Set<Taken> {
    Set(options.compactMap { option in
      guard let text = option.value.string, !option.value.isOfShell, text.first != "{" else { return nil }
      let part: Part
      switch option.name {
      case "drive" where text.contains("if=none"): part = .disk
      case "netdev": part = .network
      case "chardev" where !text.contains("mux"): part = .characterDevice
      default: return nil
      }
      return OptionText.items(text, implied: "").last { $0.key == "id" }.map { Taken(part: part, id: $0.value) }
    })
  }
}

extension Property {
  /// Whether an option gives the board a port.
  fileprivate var isPort: Bool { name == "serial" || name == "parallel" }
}
