import Facts
import Glibc
import Host

/// `--host live|none|FILE`, or `--root DIR`: the host whose facts are used.
public enum HostChoice: Sendable, Hashable {
  case live
  case none
  case recording(String)
  /// The host whose /sys, /proc, /dev, /etc and /boot are below a folder: a container's /host, or a support archive.
  case below(String)

  /// Parses the value of `--host`; any text but `live` and `none` is a path.
  public init(_ text: String) {
    switch text {
    case "live": self = .live
    case "none": self = .none
    default: self = .recording(text)
    }
  }

  /// The values of `--host` and `--root`.
  /// - Parameter root: the folder of `--root`; nil when it is not given.
  public init(_ text: String, root: String?) {
    self = root.map { .below($0) } ?? HostChoice(text)
  }

  /// The folder that has the host's files; nil where the facts are recorded.
  package var root: String? {
    switch self {
    case .live: return "/"
    case .below(let folder): return folder
    case .none, .recording: return nil
    }
  }

  /// Loads the facts.
  /// - Parameter addresses: the functions of a live host to read in detail; nil is all.
  /// - Throws: the recording's path and what is wrong with it.
  package func load(only addresses: Set<PCIAddress>? = nil) throws(RecordingError) -> Facts.Host {
    switch self {
    case .live: return .live(only: addresses)
    case .below(let folder):
      if access(folder, F_OK) != 0 {
        throw RecordingError(source: folder, line: nil, problem: .unreadable(errnoText(errno)))
      }
      var host = Facts.Host.live(root: folder, only: addresses)
      host.source = folder
      // This process's own user and limit say nothing about those of the other host.
      host.user = .unknown("user", "the host is read below \(folder)")
      host.memlock = .unknown("memlock limit", "the host is read below \(folder)")
      return host
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
