import Common
import Facts
import Host

/// The hosts of a run. A recording is read once, and few are held at a time. The live host is read as far as the
/// definitions need it.
struct HostCache {
  /// Processes that hold devices only for the definitions that are checked.
  private let ignored: Set<Int>
  private var recordings: [HostChoice: Result<Facts.Host, RecordingError>] = [:]
  private static let maxRecordings = 16
  /// The live host with the functions of which more than the address was read; nil is all.
  private var live: (functions: Set<PCIAddress>?, host: Facts.Host)?

  init(ignoring processes: Set<Int>) { ignored = processes }

  /// - Parameter functions: those of a live host that a definition needs.
  /// - Throws: the recording's path and what is wrong with it.
  mutating func host(_ choice: HostChoice, functions: Set<PCIAddress>) throws(RecordingError) -> Facts.Host {
    if choice == .live { return try liveHost(functions) }
    if let known = recordings[choice] { return try known.get() }
    let result: Result<Facts.Host, RecordingError>
    do throws(RecordingError) { result = .success(try choice.load().without(ignored)) } catch { result = .failure(error) }
    if recordings.count >= HostCache.maxRecordings { recordings.removeAll() }
    recordings[choice] = result
    return try result.get()
  }

  /// One definition's functions are read alone, which is fast. When another definition needs further ones, all are
  /// read, so that there are never more than three readings.
  private mutating func liveHost(_ functions: Set<PCIAddress>) throws(RecordingError) -> Facts.Host {
    if let live, live.functions.map(functions.isSubset) ?? true { return live.host }
    let isFirst = live?.functions?.isEmpty ?? true
    let needed = isFirst ? functions : nil
    let host = try HostChoice.live.load(only: needed).without(ignored)
    live = (needed, host)
    return host
  }
}
