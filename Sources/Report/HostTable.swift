import Facts
import Prediction
import Rules

/// A host's PCI functions by IOMMU group, below the facts about the host as a whole.
public struct HostTable: Sendable {
  private let host: Host
  private let style: Style

  /// - Parameter style: colours, and the columns to which lines are wrapped.
  public init(_ host: Host, _ style: Style) {
    self.host = host
    self.style = style
  }

  /// Text for a terminal.
  public func render() -> String {
    (summary + groups.flatMap { [""] + $0 }).joined(separator: "\n") + "\n" + hint
  }

  private var summary: [String] {
    func line(_ name: String, _ value: Known<String>) -> [String] {
      hung("\(name):".padded(to: 16), printable(HostTable.description(value)), indent: 16, width: style.width)
    }
    return [
      line("kernel", host.kernelRelease), line("cmdline", host.kernelCommandLine), line("user", host.user),
      line("memlock", host.memlock.map { $0.map(sizeText) ?? "unlimited" }),
      line("/dev/iommu", host.iommufd.map(HostTable.description)), line("/dev/vfio/vfio", host.vfioContainer.map(HostTable.description)),
      line("kernel config", host.kernelConfig.map { options in
        options.sorted { $0.key < $1.key }.map { "\($0.key.dropFirst("CONFIG_".count))=\($0.value)" }.joined(separator: " ")
      }),
      line("interrupts", host.interruptsIsolated.map { $0 ? "isolated by remapping" : "not isolated" }),
      line("IOMMUs", host.iommus.map { units in
        units.values.sorted { $0.name < $1.name }.map(HostTable.unit).joined(separator: "; ")
      }),
      // Devices that could be listed are below.
      host.addresses.isKnown ? [] : line("devices", host.addresses.map { _ in "" }),
    ].flatMap { $0 }
  }

  private static func unit(_ unit: IOMMUUnit) -> String {
    var text = "\(unit.name) (\(unit.kind.rawValue)"
    if let width = unit.addressWidth?.display { text += ", \(width) bits" }
    if let served = unit.servesDeviceTLBs { text += ", device-TLB \(PredictReport.word(served))" }
    return text + ")"
  }

  static func description(_ access: NodeAccess) -> String {
    access == .denied ? "not accessible to this user" : word(access)
  }

  /// Access for programs.
  static func word(_ access: NodeAccess) -> String {
    switch access {
    case .absent: return "absent"
    case .accessible: return "accessible"
    case .denied: return "denied"
    }
  }

  static func description(_ value: Known<String>) -> String {
    switch value {
    case .known(let text): return text.isEmpty ? "none" : text
    case .unknown(let unknown): return "unknown (\(unknown.reason))"
    }
  }

  /// The kernel's flag, IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED, in words.
  static func kernelATS(_ isSet: Bool) -> String { isSet ? "not supported" : "supported" }

  /// Blocks of lines: the groups by number, then the functions without one.
  private var groups: [[String]] {
    let devices = host.devices.values.sorted { $0.address < $1.address }
    let numbers = Set(devices.compactMap { $0.group.display ?? nil }).union(host.groups.keys).sorted()
    let byGroup = Dictionary(grouping: devices) { $0.group.display ?? nil }
    var blocks = numbers.map { group(host.group($0), byGroup[$0] ?? []) }
    let others = byGroup[nil] ?? []
    let (without, unread) = (others.filter { $0.group == .known(nil) }, others.filter { !$0.group.isKnown })
    if !without.isEmpty { blocks.append([style.bold("no IOMMU group")] + without.flatMap(lines)) }
    if !unread.isEmpty { blocks.append([style.bold("IOMMU group unknown")] + unread.flatMap(lines)) }
    return blocks
  }

  private func group(_ group: IOMMUGroup, _ devices: [HostDevice]) -> [String] {
    let seen = Set(devices.map(\.address))
    let rest: [String]
    switch group.members {
    case .known(let members):
      rest = members.filter { !seen.contains($0) }.map { "  \($0)  nothing is known about it" }
    case .unknown(let unknown): rest = ["  other members unknown (\(printable(unknown.reason)))"]
    }
    return [style.bold("IOMMU group \(group.number)")] + devices.flatMap(lines) + rest
  }

  /// One function: what it is, the state that it is in, and the uses of it.
  private func lines(_ device: HostDevice) -> [String] {
    func known<T>(_ value: Known<T>, _ render: (T) -> String) -> String { value.display.map(render) ?? "unknown" }
    let margin = String(repeating: " ", count: 16)
    func block(_ text: String) -> [String] { hung(margin, printable(text), indent: 16, width: style.width) }
    let ids = known(device.vendor) { $0.hexadecimal(digits: 4) } + ":" + known(device.device) { $0.hexadecimal(digits: 4) }
    let name = HostDetail.name(of: device) ?? "class " + known(device.classCode) { $0.hexadecimal(digits: 6) }
    let address = style.bold("\(device.address)")
    let state = [
      known(device.driver) { $0.map { "driver \($0)" } ?? "no driver" },
      known(device.resetMethods) { $0.isEmpty ? "no reset" : "reset \($0.joined(separator: " "))" },
      known(device.regionSizes, HostTable.regions),
      known(device.ats) { $0 == nil ? "no ATS" : "ATS" },
      "kernel ATS " + known(KernelATS.verdict(device, on: host), HostTable.kernelATS),
    ]
    let unread = zip(state, ["driver", "reset", "regions", "ATS", ""]).map { $0 == "unknown" ? "\($1) unknown" : $0 }
    var lines = hung("  \(address)".padded(to: 16), printable(name) + " [\(ids)]", indent: 16, width: style.width)
      + block(unread.joined(separator: ", "))
    if case .known(let users) = device.users, !users.isEmpty {
      lines += block("in use by " + users.map { "\($0.name) (pid \($0.pid))" }.joined(separator: ", "))
    }
    switch device.hostUses {
    case .known(let uses): if !uses.isEmpty { lines += block("host: " + uses.map(\.text).joined(separator: ", ")) }
    case .unknown: if device.isEndpoint != .known(false) { lines += block("host's use unknown") }
    }
    if device.bootVGA == .known(true) { lines += block("host: it is the boot graphics card") }
    return lines
  }

  private static func regions(_ sizes: [UInt64]) -> String {
    let bars = sizes.prefix(6).filter { $0 > 0 }.map(sizeText)
    let rom = sizes.count > 6 && sizes[6] > 0 ? ["ROM " + sizeText(sizes[6])] : []
    return bars.isEmpty && rom.isEmpty ? "no regions" : "regions " + (bars + rom).joined(separator: " ")
  }

  /// The way to the reasons, where the text says "unknown" of a device.
  private var hint: String {
    guard groups.contains(where: { $0.contains { $0.contains("unknown") } }) else { return "" }
    let isBlind = host.source == "live" && host.user != .known("root")
    let text = "unknown: name the device for the reason" + (isBlind ? ", or run as root" : "")
    return "\n" + wrapped(text, width: style.width).joined(separator: "\n") + "\n"
  }
}
