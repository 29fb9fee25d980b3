import Common
import Facts
import Report

/// `vfiogate topology`: a picture of a host's PCI devices, or the paths between some of them.
public struct Topology: Sendable {
  /// Kinds of picture.
  public enum Format: String, Sendable, CaseIterable {
    case text, dot, svg
  }

  /// The devices between which the paths are shown; empty shows the picture.
  public var addresses: [PCIAddress]
  /// The live host, or a recording.
  public var host: HostChoice
  /// The kind of picture.
  public var format: Format
  /// Colours and width of the text.
  public var style: Style

  /// Creates a picture.
  public init(addresses: [PCIAddress], host: HostChoice, format: Format, style: Style) {
    self.addresses = addresses
    self.host = host
    self.format = format
    self.style = style
  }

  /// - Returns: exit code 2 when a path could not be determined, or the devices could not be listed.
  public func run() -> Answer {
    do {
      let facts = try Ready.named(host)
      for address in addresses {
        if case .known(nil) = facts.device(at: address) { return .couldNotLook(facts.complaint(aboutAbsent: address)) }
      }
      let report = TopologyReport(facts)
      if !addresses.isEmpty {
        let paths = report.paths(addresses)
        return Answer(output: paths.text, exit: paths.isWhole ? .clean : .couldNotLook)
      }
      let picture = switch format {
      case .text: report.text(style)
      case .dot: report.dot
      case .svg: report.svg
      }
      if facts.devices.isEmpty, case .unknown(let unknown) = facts.addresses { return .couldNotLook("\(unknown)") }
      return Answer(output: picture)
    } catch {
      return .couldNotLook("\(error)")
    }
  }
}
