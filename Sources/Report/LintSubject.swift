import Facts
import Rules

/// The QEMU and the host that a verdict is for.
public struct LintSubject: Hashable, Sendable {
  /// The QEMU's name.
  public let qemu: String
  /// Whether no QEMU was named, and the verdict is for a default.
  public let isAssumed: Bool
  /// `live`, `none`, or the path of a recording.
  let host: String

  /// Creates the subject of a definition's verdict.
  public init(_ target: LintTarget) {
    qemu = target.qemu.name
    isAssumed = target.qemu.isAssumed
    host = target.host.source
  }

  /// "with QEMU 11.1.3 as released (assumed) on this host".
  var text: String { "with \(qemuText) \(hostText)" }

  /// "QEMU 11.1.3 as released (assumed)".
  public var qemuText: String { printable(qemu) + (isAssumed ? " (assumed)" : "") }

  var hostText: String {
    switch host {
    case "live": return "on this host"
    case "none": return "without a host"
    default: return "on \(printable(host))"
    }
  }

  /// The way to a verdict for the QEMU that runs the guest.
  static let advice = "--qemu PATH or --rehearse emulator asks yours"
  /// The same where a QEMU was started with the options already.
  public static let adviceBesideRehearsal = "--qemu PATH asks yours"
}
