import Facts
import Prediction

/// `--qemu VERSION|PATH|qmp:PATH|none`: the QEMU whose behaviour applies.
public enum QEMUChoice: Sendable, Hashable {
  /// An upstream release, assumed to be unpatched.
  case version(major: Int, minor: Int, text: String)
  /// A program, which is started without a machine and queried.
  case program(String)
  /// The QMP socket of a running QEMU.
  case socket(String)
  /// The QEMU is not known.
  case none
  /// None was named: the newest release whose behaviour is known here. A program that only a definition names is not
  /// started.
  case assumed

  /// Parses the value of `--qemu`; nil for a text that is none of these.
  public init?(_ text: String) {
    if text == "none" {
      self = .none
    } else if text.hasPrefix("qmp:") {
      self = .socket(String(text.dropFirst(4)))
    } else if text.contains("/") {
      self = .program(text)
    } else {
      let parts = text.split(separator: ".", omittingEmptySubsequences: false).map { Int($0) }
      guard (2...3).contains(parts.count), let major = parts[0], let minor = parts[1], major >= 0, minor >= 0,
        parts.allSatisfy({ $0 != nil })
      else { return nil }
      self = .version(major: major, minor: minor, text: text)
    }
  }

  /// The profile of the QEMU.
  /// - Throws: `QMPFailure` when the QEMU that was named could not be queried.
  package func profile() throws(QMPFailure) -> QEMUProfile {
    switch self {
    case .version(let major, let minor, let text): return .released(major, minor, text)
    case .program(let path): return try QEMUQuestion.ask(binary: path)
    case .socket(let path): return try QEMUQuestion.ask(qmpSocket: path)
    case .assumed: return QEMUProfile.released(11, 1, "11.1.3").assumed
    case .none: return .unknown(UnknownReason.qemuNotNamed)
    }
  }
}

extension QEMUProfile {
  /// A QEMU without any known fact, for the reason given.
  package static func unknown(_ reason: String) -> QEMUProfile {
    QEMUProfile(
      name: "an unknown QEMU", behaviour: .unknown("behaviour of ats", reason),
      properties: .unknown("properties of vfio-pci", reason),
      release: .unknown("release of QEMU", reason))
  }
}
