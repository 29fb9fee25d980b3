import Common
import Facts
import Host

/// The hosts of a run, each read once, and not more of them held than a few.
struct HostCache {
  /// The functions of the live host that matter.
  var addresses: Set<PCIAddress> = []
  /// Processes that hold devices only for the definitions that are judged.
  private let ignored: Set<Int>
  private var loaded: [HostChoice: Result<Facts.Host, RecordingError>] = [:]
  private static let heldAtMost = 16

  init(ignoring processes: Set<Int>) { ignored = processes }

  /// - Throws: the recording's path and what is wrong with it.
  mutating func host(_ choice: HostChoice) throws(RecordingError) -> Facts.Host {
    if let known = loaded[choice] { return try known.get() }
    let result: Result<Facts.Host, RecordingError>
    do throws(RecordingError) {
      result = .success(try choice.load(only: addresses).without(ignored))
    } catch {
      result = .failure(error)
    }
    if loaded.count >= HostCache.heldAtMost { loaded.removeAll() }
    loaded[choice] = result
    return try result.get()
  }
}
