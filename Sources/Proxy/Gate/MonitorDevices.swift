import Facts
import Syntax

/// The character devices of the monitors on a command line, beside those that QEMU names itself.
struct MonitorDevices {
  private var ids: Set<WireText> = []
  /// Names that QEMU gives the devices of options that open a monitor, without the number: releases count `none` or do not.
  private var kinds: Set<WireText> = []

  init(_ machine: MachineConfig) {
    for option in machine.options {
      guard let text = option.value.string.map({ WireText($0) }) else { continue }
      switch WireText(option.name) {
      case "mon": ids.formUnion(MonitorDevices.id(text))
      case "qmp", "qmp-pretty", "monitor": if text.hasPrefix("chardev:") { ids.insert(text.dropping(8)) }
      case "serial", "parallel", "debugcon": if CharacterDeviceText(text).opensMonitor { kinds.insert(WireText(option.name)) }
      default: break
      }
    }
    let objects = machine.objects.filter { $0.type.map { BypassRules.isMonitor(WireText($0)) } ?? false }
    ids.formUnion(objects.compactMap { $0.string("chardev").map { WireText($0) } })
  }

  private static func id(_ text: WireText) -> [WireText] {
    KeyValueText(text.bytes, implied: "chardev").items.last { WireText($0.key) == "chardev" }.map { [WireText($0.value)] } ?? []
  }

  /// Whether a device is a monitor's, or the one behind its multiplexer (QEMU chardev/char.c: qemu_chr_new_from_opts).
  func contains(_ device: WireText) -> Bool {
    let suffix = WireText("-base").bytes
    let id = device.bytes.suffix(suffix.count) == suffix[...] ? WireText(bytes: device.bytes.dropLast(suffix.count)) : device
    if ids.contains(id) || ids.contains(device) { return true }
    return kinds.contains { kind in
      id.hasPrefix(kind) && id.dropping(kind.bytes.count).bytes.allSatisfy { (0x30...0x39).contains($0) }
    }
  }
}

extension QMPCommandFilter {
  /// A monitor's connection ends for all of its clients, and for the proxy.
  func endedMonitor(_ command: WireText, _ arguments: JSON?) -> BypassRules.Reason? {
    let ids: [WireText]
    switch command {
    case "yank":
      let instances = arguments?["instances"]?.array ?? []
      ids = instances.filter { $0.wire("type") == "chardev" }.compactMap { $0.wire("id") }
    // QEMU deletes a device that it cannot forward to because it is in use (QEMU net/slirp.c: slirp_guestfwd).
    case "netdev_add": ids = arguments.map { ForwardingRule.all(in: $0).compactMap(\.device.existing) } ?? []
    default: return nil
    }
    guard let id = ids.first else { return nil }
    if let id = ids.first(where: { $0.hasPrefix("compat_monitor") }) { return BypassRules.monitorDeleted(id) }
    monitorDevices = monitorDevices ?? commandLine().map { MonitorDevices($0) }
    if let monitorDevices { return ids.first(where: monitorDevices.contains).map(BypassRules.monitorDeleted) }
    return options.onUnknown == .warn ? nil : BypassRules.perhapsMonitor(id)
  }

  /// QEMU's command line; nil where it cannot be read.
  func commandLine() -> MachineConfig? {
    options.machine ?? reserve.lend { options.process.flatMap { try? PlugInquiry.machine(of: $0).get() } }
  }
}
