import Facts
import Host

/// `--host live|none|FILE`: the host whose facts are used.
public enum HostChoice: Sendable, Hashable {
  case live
  case none
  case recording(String)

  /// Parses the value of `--host`; any text but `live` and `none` is a path.
  public init(_ text: String) {
    switch text {
    case "live": self = .live
    case "none": self = .none
    default: self = .recording(text)
    }
  }

  /// Loads the facts.
  /// - Parameter addresses: the functions of a live host to read in detail; nil is all.
  /// - Throws: the recording's path and what is wrong with it.
  package func load(only addresses: Set<PCIAddress>? = nil) throws(RecordingError) -> Facts.Host {
    switch self {
    case .live: return .live(only: addresses)
    case .none: return Facts.Host(nothingKnown: UnknownReason.notInspected, source: "none")
    case .recording(let path): return try HostRecording.load(path)
    }
  }
}

extension Facts.Host {
  /// The host as seen by these processes themselves: a device that they hold is not in use by another process.
  package func without(_ processes: Set<Int>) -> Facts.Host {
    var host = self
    for (address, device) in devices {
      host.devices[address]?.users = device.users.map { $0.filter { !processes.contains($0.pid) } }
    }
    return host
  }
}
