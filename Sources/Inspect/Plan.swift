import Common
import Facts
import Host
import Report
import Rules

/// `vfiogate plan`: the smallest definition that gives devices to a guest, and the host's settings for it.
public struct Plan: Sendable {
  /// The devices; what must go along is added.
  public var addresses: [PCIAddress]
  /// The program that the definition is for.
  public var target: PlanTarget
  /// Guest memory in GiB.
  public var memory: Int
  /// Whether the guest gets an IOMMU of its own; not for KubeVirt.
  public var hasGuestIOMMU: Bool
  /// Whether guest memory is on hugepages.
  public var hasHugepages: Bool
  /// The live host, or a recording.
  public var host: HostChoice
  /// The QEMU whose behaviour is predicted.
  public var qemu: QEMUChoice

  /// Creates a plan.
  public init(
    addresses: [PCIAddress], target: PlanTarget, memory: Int = 4, hasGuestIOMMU: Bool = false, hasHugepages: Bool = false,
    host: HostChoice, qemu: QEMUChoice
  ) {
    self.addresses = addresses
    self.target = target
    self.memory = memory
    self.hasGuestIOMMU = hasGuestIOMMU
    self.hasHugepages = hasHugepages
    self.host = host
    self.qemu = qemu
  }

  /// - Returns: a definition only where the rules report no error on a host that is prepared for it; otherwise exit code 1
  ///   with the reasons, or 2 with the missing facts.
  public func run() -> Answer {
    do { return answer(on: try Ready.named(host)) } catch { return .couldNotLook("\(error)") }
  }

  /// The answer on a host that has been read.
  func answer(on facts: Facts.Host) -> Answer {
    do {
      for address in addresses {
        if case .known(nil) = facts.device(at: address) { return .couldNotLook(facts.complaint(aboutAbsent: address)) }
      }
      if case .known(.some(let obstacle)) = facts.guestObstacle {
        return Plan.refusal(["\(obstacle.message)", "  fix: \(obstacle.fix)"], .findings)
      }
      var assignment = try Assignment(addresses, on: facts)
      if target == .proxmox, assignment.isArm {
        throw Unknown("Proxmox's machine of an Arm host", reason: "only those of x86 are modelled")
      }
      assignment.memory = memory
      assignment.hasGuestIOMMU = hasGuestIOMMU
      assignment.hasHugepages = hasHugepages
      let readiness = Readiness(assignment, qemu: try qemu.profile())
      if target == .kubevirt {
        // Its selectors are ids.
        for function in readiness.assignment.functions { _ = try facts.devices[function]?.id.value }
      }
      let report = readiness.report
      switch report.verdict {
      case .no: return Plan.refusal(report.reasons.flatMap { [$0.message, "  fix: \($0.fix)"] }, .findings)
      case .unknown: return Plan.refusal(report.missing(isLive: facts.source == "live"), .couldNotLook)
      case .yes: return Answer(output: text(readiness))
      }
    } catch let unknown as Unknown {
      let report = DeviceReadiness(nil, unknown: unknown)
      return Plan.refusal(report.missing(isLive: facts.source == "live"), .couldNotLook)
    } catch {
      return .couldNotLook("\(error)")
    }
  }

  private static func refusal(_ lines: [String], _ exit: ExitStatus) -> Answer {
    Answer(complaint: lines.map { "vfiogate: " + printable($0) + "\n" }.joined(), exit: exit)
  }

  /// The settings as comments of the definition's own kind, then the definition.
  private func text(_ readiness: Readiness) -> String {
    // Read in a terminal first, and kept in a file: as wide as any terminal.
    let style = Style(isColoured: false, width: 72)
    let comments = PlanSettings(readiness, for: target).lines.map { ReportText.wrapped(printable($0), style) }
    let definition = target.definition(of: readiness.assignment)
    if target == .libvirt {
      // Two dashes end a comment of XML.
      return comments.map { "<!-- \(Plan.withoutDashes($0.joined(separator: "\n     "))) -->\n" }.joined() + definition
    }
    return comments.joined().map { "# \($0)\n" }.joined() + definition
  }

  private static func withoutDashes(_ text: String) -> String {
    var kept = ""
    for character in text where character != "-" || kept.last != "-" { kept.append(character) }
    return kept
  }
}
