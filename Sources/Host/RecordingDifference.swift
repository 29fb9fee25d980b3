import Facts

/// A fact that differs between two hosts.
public struct RecordingDifference: Hashable, Sendable {
  /// The function that it is about; nil is the host itself.
  public let address: PCIAddress?
  /// The fact, named as in a recording: `driver`, `kernel-release`, `iommu dmar0 cap`.
  public let fact: String
  /// The value before; nil when nothing was known.
  public let old: String?
  /// The value now; nil when nothing is known.
  public let new: String?
}

extension HostRecording {
  /// Facts that differ, in the order of a recording. Groups are compared by the members of each function's: their numbers
  /// change from boot to boot. Processes, nodes and config space are not compared, but what it says of ATS is.
  public static func differences(_ old: Host, _ new: Host) -> [RecordingDifference] {
    let before = HostDraft(old), after = HostDraft(new)
    var found: [RecordingDifference] = []
    func compare(_ address: PCIAddress?, _ fact: String, _ old: String?, _ new: String?) {
      if old != new { found.append(RecordingDifference(address: address, fact: fact, old: old, new: new)) }
    }
    for field in RecordingField.host where field.keyword != "addresses" {
      compare(nil, field.keyword, field.write(before), field.write(after))
    }
    let (oldConfig, newConfig) = (old.kernelConfig.display ?? [:], new.kernelConfig.display ?? [:])
    for option in Set(oldConfig.keys).union(newConfig.keys).sorted() { compare(nil, option, oldConfig[option], newConfig[option]) }
    for name in Set(before.units.keys).intersection(after.units.keys).sorted() {
      for field in RecordingField.unit {
        compare(nil, "iommu \(name) \(field.keyword)", before.units[name].flatMap(field.write), after.units[name].flatMap(field.write))
      }
    }
    for address in Set(before.devices.keys).intersection(after.devices.keys).sorted() {
      guard let one = before.devices[address], let two = after.devices[address] else { continue }
      for field in RecordingField.device where !notCompared.contains(field.keyword) {
        compare(address, field.keyword, field.write(one), field.write(two))
      }
      compare(address, "group members", members(one.device, of: old), members(two.device, of: new))
      compare(address, "ats", ats(one.device), ats(two.device))
    }
    return found
  }

  /// Facts that change from boot to boot, and those that follow from another one.
  private static let notCompared: Set<String> = [
    "group", "cdev", "cdev-node", "cdev-number", "users", "host-uses", "config-size",
  ]

  private static func members(_ device: HostDevice, of host: Host) -> String? {
    guard case .known(let number) = device.group else { return nil }
    guard let number else { return "none" }
    return host.group(number).members.display.map { $0.map(\.description).joined(separator: " ") }
  }

  private static func ats(_ device: HostDevice) -> String? { device.ats.display.map { $0 == nil ? "no" : "yes" } }
}
