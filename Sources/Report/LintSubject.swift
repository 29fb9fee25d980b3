import Facts
import Prediction
import Rules
import Syntax

/// The QEMU and the host that a verdict is for.
public struct LintSubject: Hashable, Sendable {
  /// The QEMU's name.
  let qemu: String
  /// Whether no QEMU was named, and the verdict is for a default.
  let isAssumed: Bool
  /// `live`, `none`, or the path of a recording.
  let host: String

  /// Creates the subject of a definition's verdict.
  public init(_ target: LintTarget) { self.init(target.qemu, on: target.host) }

  init(_ qemu: QEMUProfile, on host: Host) {
    self.qemu = qemu.name
    isAssumed = qemu.isAssumed
    self.host = host.source
  }

  /// "with QEMU 11.1.3 as released (assumed) on this host".
  var text: String { "with \(qemuText) \(hostText)" }

  /// "QEMU 11.1.3 as released (assumed)".
  var qemuText: String { printable(qemu) + (isAssumed ? " (assumed)" : "") }

  var hostText: String {
    switch host {
    case "live": return "on this host"
    case "none": return "without a host"
    default: return "on \(printable(host))"
    }
  }

  /// "with QEMU 11.1.3 as released (assumed); --qemu PATH asks yours".
  public func text(advising advice: String) -> String { "with \(qemuText)" + (isAssumed ? "; \(advice)" : "") }

  /// Members of an object for programs; without definitions nothing is known.
  public static func members(_ subject: LintSubject?) -> [JSON.Member] {
    [
      .init("qemu", subject.map { .string($0.qemu) } ?? .null), .init("qemu-assumed", subject.map { .bool($0.isAssumed) } ?? .null),
    ]
  }

  /// The way to a verdict for the QEMU that runs the guest.
  static let advice = "--qemu PATH or --rehearse emulator asks yours"
  /// The same where a QEMU was started with the options already.
  public static let adviceBesideRehearsal = "--qemu PATH asks yours"
}
