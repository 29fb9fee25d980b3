import Facts
import Prediction
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

  /// Text for a terminal: one fact a line, then the decoded config space.
  public func text(_ style: Style) -> String {
    var lines = [style.bold(device.address.description)]
    lines += facts.map { "  " + "\($0.0):".padded(to: 22) + printable(HostTable.description($0.1)) }
    switch device.config {
    case .unknown(let unknown): lines.append("  " + "config space:".padded(to: 22) + "unknown (\(unknown.reason))")
    case .known(let config):
      lines += ConfigReport(title: "", config: config).lines.map { "  " + $0 }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// The facts beside config space, named as in sysfs.
  private var facts: [(String, Known<String>)] {
    func text<T>(_ value: Known<T?>, _ render: (T) -> String) -> Known<String> { value.map { $0.map(render) ?? "none" } }
    let group = device.group.flatMap { number -> Known<String> in
      guard let number else { return .known("none") }
      let members = host.group(number).members.map { $0.map(\.description).joined(separator: " ") }
      return .known("\(number), members: " + HostTable.description(members))
    }
    return [
      ("vendor", device.vendor.map { $0.hexadecimal(digits: 4) }), ("device", device.device.map { $0.hexadecimal(digits: 4) }),
      ("class", device.classCode.map { $0.hexadecimal(digits: 6) }), ("driver", text(device.driver) { $0 }),
      ("driver_override", text(device.driverOverride) { $0 }), ("iommu_group", group),
      ("iommu", text(device.iommu) { $0 }), ("numa_node", device.numaNode.map { "\($0)" }),
      ("boot_vga", text(device.bootVGA) { $0 ? "1" : "0" }),
      ("reset_method", device.resetMethods.map { $0.joined(separator: " ") }),
      ("physfn", text(device.physicalFunction) { $0.description }),
      ("virtfn", device.virtualFunctions.map { $0.map(\.description).joined(separator: " ") }),
      ("region sizes", device.regionSizes.map { $0.map { "\($0)" }.joined(separator: " ") }),
      ("removable", text(device.removable) { $0 }),
      ("vfio cdev", text(device.cdev) { "\($0.path), " + HostTable.description($0.node.map(HostTable.description)) }),
      ("in use by", device.users.map { $0.map { "\($0.name) (pid \($0.pid))" }.joined(separator: ", ") }),
      ("boot framebuffer", text(device.bootFramebuffer) { $0 }),
      ("ROM is a shadow", device.hasShadowROM.map { $0 ? "yes" : "no" }),
      ("variant drivers", device.variantDrivers.map { $0.joined(separator: " ") }),
      ("host uses it for", device.hostUses.map { $0.map(HostDetail.description).joined(separator: ", ") }),
      firmware,
      ("kernel ATS flag", KernelATS.verdict(device, on: host).map(flag)),
    ]
  }

  /// The firmware's word about ATS: of the DMAR table, or for an Arm SMMUv3 of the root complex.
  private var firmware: (String, Known<String>) {
    guard case .known(let unit?) = device.iommu, IOMMUUnit.kind(of: unit) == .smmuv3 else {
      return ("firmware covers ATS", device.firmwareATS.map { $0 ? "yes" : "no" })
    }
    return ("root complex", device.rootComplex.map { complex in
      "\(complex.source.rawValue): ATS \(complex.ats ? "yes" : "no"), CANWBS \(complex.canwbs ? "yes" : "no")"
    })
  }

  private func flag(_ isSet: Bool) -> String {
    let evidence = KernelATS.evidence(device, on: host).map { ": \($0)" } ?? ""
    return (isSet ? "not supported" : "supported (flag clear)") + evidence
  }

  /// Use as text: `mount nvme0n1p1 (/boot)`.
  private static func description(_ use: HostUse) -> String {
    "\(use.kind.rawValue) \(use.device)" + (use.detail.isEmpty ? "" : " (\(use.detail))")
  }

  /// Object with one member for each fact; an unknown fact is `{"unknown": REASON}`.
  public var json: JSON {
    var members: [JSON.Member] = [.init("address", .string(device.address.description))]
    members += facts.map { name, value in
      JSON.Member(String(name.map { $0 == "_" || $0 == " " ? "-" : $0 }).lowercased(), fact(value))
    }
    members.append(.init("config", device.config.json { ConfigReport(title: device.address.description, config: $0).json }))
    return .object(members)
  }

  private func fact(_ value: Known<String>) -> JSON {
    switch value {
    case .known(let text): return .string(text)
    case .unknown(let unknown): return .object([.init("unknown", .string(unknown.reason))])
    }
  }
}
