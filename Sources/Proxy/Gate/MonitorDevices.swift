import Facts
import Syntax

/// The character devices that are monitors'.
enum MonitorDevices {
  /// Ids of those on a command line.
  static func all(of machine: MachineConfig) -> Set<WireText> {
    func id(_ text: WireText) -> WireText? {
      KeyValueText(text.bytes, implied: "chardev").items.last { WireText($0.key) == "chardev" }.map { WireText($0.value) }
    }
    let options = machine.options.compactMap { option -> WireText? in
      guard let text = option.value.string.map({ WireText($0) }) else { return nil }
      switch WireText(option.name) {
      case "mon": return id(text)
      case "qmp", "qmp-pretty", "monitor": return text.hasPrefix("chardev:") ? text.dropping(8) : nil
      default: return nil
      }
    }
    let objects = machine.objects.filter { $0.type.map { BypassRules.isMonitor(WireText($0)) } ?? false }
    return Set(options + objects.compactMap { $0.string("chardev").map { WireText($0) } })
  }
}

extension QMPCommandFilter {
  /// A monitor's connection ends for all of its clients, and for the proxy.
  func endedMonitor(_ arguments: JSON?) -> BypassRules.Reason? {
    let instances = arguments?["instances"]?.array ?? []
    let ids = instances.filter { $0.wire("type") == "chardev" }.compactMap { $0.wire("id") }
    guard let id = ids.first else { return nil }
    if let id = ids.first(where: { $0.hasPrefix("compat_monitor") }) { return BypassRules.monitorDeleted(id) }
    monitorDevices = monitorDevices ?? commandLine().map(MonitorDevices.all)
    if let monitorDevices { return ids.first(where: monitorDevices.contains).map(BypassRules.monitorDeleted) }
    return options.onUnknown == .warn ? nil : BypassRules.perhapsMonitor(id)
  }

  /// QEMU's command line; nil where it cannot be read.
  func commandLine() -> MachineConfig? {
    options.machine ?? reserve.lend { options.process.flatMap { try? PlugInquiry.machine(of: $0).get() } }
  }
}
