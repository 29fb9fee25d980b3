import Facts
import Prediction

/// Table of a host's PCI functions, one a line, below the facts about the host as a whole.
public struct HostTable: Sendable {
  private let host: Host
  private let style: Style

  /// - Parameter style: colour of the heading.
  public init(_ host: Host, _ style: Style) {
    self.host = host
    self.style = style
  }

  /// Text for a terminal.
  public func render() -> String {
    (summary + [""] + table).joined(separator: "\n") + "\n" + blind
  }

  private var summary: [String] {
    func line(_ name: String, _ value: Known<String>) -> String {
      "\(name):".padded(to: 16) + printable(HostTable.description(value))
    }
    return [
      line("kernel", host.kernelRelease), line("cmdline", host.kernelCommandLine), line("user", host.user),
      line("memlock", host.memlock.map { $0.map { "\($0) bytes" } ?? "unlimited" }),
      line("/dev/iommu", host.iommufd.map(HostTable.description)), line("/dev/vfio/vfio", host.vfioContainer.map(HostTable.description)),
      line("kernel config", host.kernelConfig.map { options in
        options.sorted { $0.key < $1.key }.map { "\($0.key.dropFirst("CONFIG_".count))=\($0.value)" }.joined(separator: " ")
      }),
      line("interrupts", host.interruptsIsolated.map { $0 ? "isolated by remapping" : "not isolated" }),
      line("IOMMUs", host.iommus.map { units in
        units.values.sorted { $0.name < $1.name }.map(HostTable.unit).joined(separator: "; ")
      }),
    ]
  }

  private static func unit(_ unit: IOMMUUnit) -> String {
    var text = "\(unit.name) (\(unit.kind.rawValue)"
    if let width = unit.addressWidth?.display { text += ", \(width) bits" }
    if let served = unit.servesDeviceTLBs { text += ", device-TLB \(PredictReport.word(served))" }
    return text + ")"
  }

  static func description(_ access: NodeAccess) -> String {
    switch access {
    case .absent: return "absent"
    case .accessible: return "accessible"
    case .denied: return "not accessible to this user"
    }
  }

  static func description(_ value: Known<String>) -> String {
    switch value {
    case .known(let text): return text.isEmpty ? "none" : text
    case .unknown(let unknown): return "unknown (\(unknown.reason))"
    }
  }

  private var table: [String] {
    let titles = ["address", "id", "class", "group", "driver", "cdev", "ATS", "kernel ATS"]
    let rows = [titles] + host.devices.values.sorted { $0.address < $1.address }.map(row)
    let widths = titles.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.enumerated().map { index, row in
      let line = zip(row, widths).map { $0.padded(to: $1) }.joined(separator: "  ").withoutTrailingBlanks
      return index == 0 ? style.bold(line) : line
    }
  }

  private func row(_ device: HostDevice) -> [String] {
    func cell<T>(_ value: Known<T>, _ render: (T) -> String) -> String { value.display.map(render) ?? "?" }
    let ids = cell(device.vendor) { $0.hexadecimal(digits: 4) } + ":" + cell(device.device) { $0.hexadecimal(digits: 4) }
    return [
      device.address.description, ids, cell(device.classCode) { $0.hexadecimal(digits: 6) },
      cell(device.group) { $0.map(String.init) ?? "-" }, printable(cell(device.driver) { $0 ?? "-" }),
      cell(device.cdev) { $0?.name ?? "-" }, cell(device.ats) { $0 == nil ? "-" : "yes" },
      cell(KernelATS.verdict(device, on: host)) { $0 ? "unsupported" : "supported" },
    ]
  }

  /// Note about question marks in the table: facts that this user could not read.
  private var blind: String {
    let hidden = host.devices.values.contains { !$0.config.flatMap(\.ats).isKnown || !$0.driver.isKnown }
    return hidden ? "\n? could not be read; name the device for the reason, or run as root\n" : ""
  }
}
