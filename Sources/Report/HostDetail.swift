import Facts
import Prediction
import Rules
import Syntax

/// Report of all facts about one function of a host.
public struct HostDetail: Sendable {
  private let device: HostDevice
  private let host: Host

  /// - Parameter host: the host, for the members of the function's IOMMU group.
  public init(_ device: HostDevice, on host: Host) {
    self.device = device
    self.host = host
  }

  /// One fact beside config space, for people and for programs.
  private struct Fact {
    let name: String
    let text: Known<String>
    let json: JSON

    init<Value>(_ name: String, _ value: Known<Value>, _ text: (Value) -> String, _ json: (Value) -> JSON) {
      self.name = name
      self.text = value.map(text)
      switch value {
      case .known(let value): self.json = json(value)
      case .unknown(let unknown): self.json = .object([.init("unknown", .string(unknown.reason))])
      }
    }

    /// A name or a word; none is null.
    init(_ name: String, _ value: Known<String?>) {
      self.init(name, value, { $0 ?? "none" }, { $0.map(JSON.string) ?? .null })
    }

    init(_ name: String, words value: Known<[String]>) {
      self.init(name, value, { $0.joined(separator: " ") }, { .strings($0) })
    }

    init(_ name: String, flag value: Known<Bool>) {
      self.init(name, value, { $0 ? "yes" : "no" }, { .bool($0) })
    }

    init(_ name: String, id value: Known<some FixedWidthInteger & Sendable>, digits: Int) {
      self.init(name, value, { $0.hexadecimal(digits: digits) }, { .string($0.hexadecimal(digits: digits)) })
    }

    init(_ name: String, address value: Known<PCIAddress?>) { self.init(name, value.map { $0?.description }) }

    init(_ name: String, addresses value: Known<[PCIAddress]>) { self.init(name, words: value.map { $0.map(\.description) }) }
  }

  /// Text for a terminal: one fact a line, then the decoded config space.
  public func text(_ style: Style) -> String {
    var lines = [style.bold(device.address.description)]
    if let name = HostDetail.name(of: device) {
      lines = hung(lines[0].padded(to: 14), printable(name), indent: 14, width: style.width)
    }
    for fact in facts {
      lines += hung(
        "  \(fact.name):".padded(to: 24), printable(HostTable.description(fact.text)), indent: 24, width: style.width)
    }
    switch device.config {
    case .unknown(let unknown): lines.append("  " + "config space:".padded(to: 22) + "unknown (\(unknown.reason))")
    case .known(let config):
      lines += ConfigReport(title: "", config: config).lines.map { "  " + $0 }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Class, vendor and device in words, as far as the list of PCI ids names them; nil without any name.
  public static func name(of device: HostDevice) -> String? {
    let product = [device.vendorName.display ?? nil, device.deviceName.display ?? nil].compactMap { $0 }.joined(separator: " ")
    let parts = [device.className.display ?? nil, product.isEmpty ? nil : product].compactMap { $0 }
    return parts.isEmpty ? nil : parts.joined(separator: ": ")
  }

  /// The facts beside config space, named as in sysfs.
  private var facts: [Fact] {
    let members = device.group.flatMap { number in number.map { host.group($0).members } ?? .known([]) }
    return [
      Fact("vendor", id: device.vendor, digits: 4), Fact("device", id: device.device, digits: 4),
      Fact("class", id: device.classCode, digits: 6),
      Fact("vendor name", device.vendorName), Fact("device name", device.deviceName), Fact("class name", device.className),
      Fact("driver", device.driver), Fact("driver_override", device.driverOverride),
      Fact("iommu_group", device.group, { $0.map(String.init) ?? "none" }, { $0.map { .integer(Int64($0)) } ?? .null }),
      Fact("iommu_group members", addresses: members), Fact("iommu", device.iommu),
      Fact("numa_node", device.numaNode, { $0 < 0 ? "none" : "\($0)" }, { $0 < 0 ? .null : .integer(Int64($0)) }),
      Fact("boot_vga", device.bootVGA, { $0.map { $0 ? "yes" : "no" } ?? "none" }, { $0.map { .bool($0) } ?? .null }),
      Fact("reset_method", words: device.resetMethods),
      Fact("physfn", address: device.physicalFunction), Fact("virtfn", addresses: device.virtualFunctions),
      Fact(
        "region sizes", device.regionSizes, { $0.map(sizeText).joined(separator: " ") },
        { .array($0.map { .integer(Int64(clamping: $0)) }) }),
      Fact("removable", device.removable),
      Fact("vfio cdev", device.cdev, HostDetail.text, HostDetail.json),
      Fact(
        "in use by", device.users, { $0.map { "\($0.name) (pid \($0.pid))" }.joined(separator: ", ") },
        { .array($0.map(HostDetail.json)) }),
      Fact("boot framebuffer", device.bootFramebuffer), Fact("ROM is a shadow", flag: device.hasShadowROM),
      Fact("variant drivers", words: device.variantDrivers),
      Fact(
        "host uses it for", device.hostUses, { $0.map(\.text).joined(separator: ", ") }, { .array($0.map(HostDetail.json)) }),
      firmware, Fact("kernel ATS", KernelATS.verdict(device, on: host), kernelATS, { .bool(!$0) }),
    ]
  }

  /// Firmware's statement about ATS: of the DMAR table, or for an Arm SMMUv3 of the root complex.
  private var firmware: Fact {
    guard case .known(let unit?) = device.iommu, IOMMUUnit.kind(of: unit) == .smmuv3 else {
      return Fact("firmware covers ATS", flag: device.firmwareATS)
    }
    return Fact(
      "root complex", device.rootComplex,
      { "\($0.source.rawValue): ATS \($0.ats ? "yes" : "no"), CANWBS \($0.canwbs ? "yes" : "no")" },
      { .object([.init("source", .string($0.source.rawValue)), .init("ats", .bool($0.ats)), .init("canwbs", .bool($0.canwbs))]) })
  }

  private func kernelATS(_ isSet: Bool) -> String {
    HostTable.kernelATS(isSet) + (KernelATS.evidence(device, on: host).map { ": \($0)" } ?? "")
  }

  private static func text(_ cdev: VFIOCdev?) -> String {
    cdev.map { "\($0.path), " + HostTable.description($0.node.map(HostTable.description)) } ?? "none"
  }

  private static func json(_ cdev: VFIOCdev?) -> JSON {
    guard let cdev else { return .null }
    return .object([
      .init("path", .string(cdev.path)), .init("access", cdev.node.json { .string(HostTable.word($0)) }),
    ])
  }

  private static func json(_ process: ProcessReference) -> JSON {
    .object([
      .init("pid", .integer(Int64(process.pid))), .init("name", .string(process.name)),
      .init("node", .string(process.node.rawValue)),
    ])
  }

  private static func json(_ use: HostUse) -> JSON {
    .object([
      .init("kind", .string(use.kind.rawValue)), .init("device", .string(use.device)), .init("detail", .string(use.detail)),
    ])
  }

  /// Object with one member for each fact, numbers as numbers and lists as lists; what does not exist is null, and an
  /// unknown fact is `{"unknown": REASON}`.
  public var json: JSON {
    var members: [JSON.Member] = [.init("address", .string(device.address.description))]
    members += facts.map { fact in
      JSON.Member(String(fact.name.map { $0 == "_" || $0 == " " ? "-" : $0 }).lowercased(), fact.json)
    }
    members.append(.init("config", device.config.json { ConfigReport(title: device.address.description, config: $0).json }))
    return .object(members)
  }
}

/// Text for other modules' reports.
public enum ReportText {
  /// A line as one or several that fit the style's width.
  public static func wrapped(_ line: String, _ style: Style) -> [String] {
    let indent = line.prefix { $0 == " " }.count
    return hung(String(repeating: " ", count: indent), String(line.dropFirst(indent)), indent: indent + 2, width: style.width)
  }

  /// Text for standard error, with messages that fit the style's width; other lines are unchanged.
  public static func messages(_ text: String, _ style: Style) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).flatMap { line -> [String] in
      guard let name = ["vfiogate:", "Error:", "Help:"].first(where: line.hasPrefix) else { return [String(line)] }
      let rest = line.dropFirst(name.count)
      let indent = name.count + rest.prefix { $0 == " " }.count
      return hung(String(line.prefix(indent)), String(line.dropFirst(indent)), indent: indent, width: style.width)
    }.joined(separator: "\n")
  }
}

/// Text behind a head that stays whole; its further lines are indented.
func hung(_ head: String, _ text: String, indent: Int, width: Int?) -> [String] {
  let lines = wrapped(text, width: width.map { max(20, $0 - indent) })
  let margin = String(repeating: " ", count: indent)
  return lines.enumerated().map { ($0 == 0 ? head : margin) + $1 }
}

/// A size in bytes as people write it: 256M, 16K, 128. Only whole units: nothing is rounded.
func sizeText(_ bytes: UInt64) -> String {
  for (unit, shift) in [("T", 40), ("G", 30), ("M", 20), ("K", 10)] as [(String, UInt64)] {
    if bytes >> shift > 0, bytes & (1 << shift - 1) == 0 { return "\(bytes >> shift)\(unit)" }
  }
  return "\(bytes)"
}
