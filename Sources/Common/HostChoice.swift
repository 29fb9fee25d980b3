import Facts
import Host

/// `--host live|none|FILE`.
public enum HostChoice: Sendable, Hashable {
  case live
  case none
  case recording(String)

  public init(_ text: String) {
    switch text {
    case "live": self = .live
    case "none": self = .none
    default: self = .recording(text)
    }
  }

  /// - Parameters:
  ///   - addresses: the functions that matter, so that a live host is not read whole; nil is all.
  /// - Throws: the recording's path and what is wrong with it.
  package func load(only addresses: Set<PCIAddress>? = nil) throws(RecordingError) -> Facts.Host {
    switch self {
    case .live: return .live(only: addresses)
    case .none: return Facts.Host(nothingKnown: "no host was looked at (--host none)", source: "none")
    case .recording(let path): return try HostRecording.load(path)
    }
  }
}

extension Facts.Host {
  /// The host as it is for these processes themselves: what they hold is not in another's use.
  package func without(_ processes: Set<Int>) -> Facts.Host {
    var host = self
    for (address, device) in devices {
      host.devices[address]?.users = device.users.map { $0.filter { !processes.contains($0.pid) } }
    }
    return host
  }
}
