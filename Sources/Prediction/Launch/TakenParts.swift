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
    // Monitors and hubs are made before any device.
    let users = items(of: "mon", implied: "chardev").compactMap { $0.last { $0.key == "chardev" } }
      + items(of: "chardev", implied: "backend").flatMap { $0.filter { $0.key.hasPrefix("chardevs.") } }
    var taken = Set(users.map { Taken(part: .characterDevice, id: $0.value) })
    var failures: [LaunchFailure] = []
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
            + (qemu.isBefore(8, 0) ? "Device '\(id)' is in use" : "chardev '\(id)' is already in use")
        }
        failures.append(LaunchFailure(RealizeFailure(.badOption, property: name, text), of: device))
      }
    }
    return failures
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
