import Common
import Facts
import Host
import Report
import Rules

/// `vfiogate ready`: whether devices can be given to a guest, without any definition.
public struct Ready: Sendable {
  /// The devices; empty is all that a guest could have.
  public var addresses: [PCIAddress]
  /// The live host, or a recording.
  public var host: HostChoice
  /// The QEMU whose behaviour is predicted.
  public var qemu: QEMUChoice
  /// Text for people, or JSON.
  public var format: OutputFormat
  /// Colours and width of the text.
  public var style: Style

  /// Creates a check.
  public init(addresses: [PCIAddress], host: HostChoice, qemu: QEMUChoice, format: OutputFormat, style: Style) {
    self.addresses = addresses
    self.host = host
    self.qemu = qemu
    self.format = format
    self.style = style
  }

  /// - Returns: exit code 0 when all named devices are ready, without any when the host is; 1 when one is not; 2 when a
  ///   fact is missing.
  public func run() -> Answer {
    do {
      let facts = try Ready.named(host)
      let qemu = try qemu.profile()
      for address in addresses {
        if case .known(nil) = facts.device(at: address) { return .couldNotLook(facts.complaint(aboutAbsent: address)) }
      }
      let devices = (addresses.isEmpty ? facts.assignable : addresses).map { Ready.verdict($0, on: facts, qemu: qemu) }
      let report = ReadyReport(facts, devices, isNamed: !addresses.isEmpty, qemu: qemu)
      let output = format == .json ? report.json.text(indented: true) + "\n" : report.text(style)
      return Answer(output: output, exit: exit(facts, devices))
    } catch {
      return .couldNotLook("\(error)")
    }
  }

  /// A host with the names of its devices; a recording has them, or has none.
  static func named(_ choice: HostChoice) throws(RecordingError) -> Facts.Host {
    var facts = try choice.load()
    if let root = choice.root { facts.readNames(root: root) }
    return facts
  }

  static func verdict(_ address: PCIAddress, on facts: Facts.Host, qemu: QEMUProfile) -> DeviceReadiness {
    do throws(Unknown) {
      let assignment = try Assignment([address], on: facts)
      if case .known(.some) = facts.guestObstacle {
        return DeviceReadiness(
          address: address, companions: assignment.companions, verdict: .no, reasons: [], steps: [], notes: [], unknowns: [])
      }
      return Readiness(assignment, qemu: qemu).report
    } catch {
      return DeviceReadiness(address, unknown: error)
    }
  }

  private func exit(_ facts: Facts.Host, _ devices: [DeviceReadiness]) -> ExitStatus {
    if addresses.isEmpty {
      switch facts.guestObstacle {
      case .known(nil): return .clean
      case .known: return .findings
      case .unknown: return .couldNotLook
      }
    }
    if devices.contains(where: { $0.verdict == .no }) { return .findings }
    return devices.allSatisfy { $0.verdict == .yes } ? .clean : .couldNotLook
  }
}

extension Facts.Host {
  /// The functions that a guest could have: endpoints that are not part of the chipset's bridges, which stay with the host
  /// (PCI Code and ID Assignment 1.16 §1.7: base class 06, §1.9: 0806 is an IOMMU).
  fileprivate var assignable: [PCIAddress] {
    devices.values.filter { device in
      device.isEndpoint != .known(false) && device.classCode.map { $0 >> 16 } != .known(0x06)
        && device.classCode.map { $0 >> 8 } != .known(0x0806)
    }.map(\.address).sorted()
  }
}
