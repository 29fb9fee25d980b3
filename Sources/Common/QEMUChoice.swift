import Facts
import Prediction

/// `--qemu VERSION|PATH|qmp:PATH|none`: whose behaviour applies.
public enum QEMUChoice: Sendable, Hashable {
  /// An upstream release, taken at its word.
  case version(major: Int, minor: Int, text: String)
  /// A program, started without a machine and asked.
  case program(String)
  /// A running QEMU's QMP socket.
  case socket(String)
  /// Nobody knows which QEMU it will be.
  case none

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

  /// - Throws: `QMPFailure` when the QEMU that was named could not be asked.
  package func profile() throws(QMPFailure) -> QEMUProfile {
    switch self {
    case .version(let major, let minor, let text): return .released(major, minor, text)
    case .program(let path): return try QEMUQuestion.ask(binary: path)
    case .socket(let path): return try QEMUQuestion.ask(qmpSocket: path)
    case .none: return .unknown("which QEMU will run it is not known (--qemu none)")
    }
  }
}

extension QEMUProfile {
  /// A QEMU of which nothing is known, for the reason given.
  package static func unknown(_ reason: String) -> QEMUProfile {
    QEMUProfile(
      name: "unknown", behaviour: .unknown("behaviour of ats", reason),
      properties: .unknown("properties of vfio-pci", reason))
  }
}
