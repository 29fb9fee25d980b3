import Facts
import Glibc

/// The processes that hold vfio's nodes open: one pass over /proc/*/fd.
struct ProcessScan {
  /// Holders by node, the path as seen by the holder: `/dev/vfio/12`, `/dev/vfio/devices/vfio0`.
  private var holders: [String: [ProcessReference]] = [:]
  /// The reason why the scan may have missed a process; nil when every process could be read.
  private var gap: String?

  /// The inode of the first PID namespace (linux/include/linux/proc_ns.h: PROC_PID_INIT_INO).
  static let firstNamespace = "pid:[4026531836]"

  init(_ tree: FileTree) {
    guard case .found(let names) = tree.list("/proc") else {
      gap = "/proc could not be read"
      return
    }
    switch tree.link("/proc/self/ns/pid") {
    case .found(ProcessScan.firstNamespace): break
    case .found: gap = "processes outside of this PID namespace cannot be seen"
    case .absent: gap = "/proc/self/ns/pid: \(errnoText(ENOENT))"
    case .failed(let reason): gap = reason
    }
    let pids = names.compactMap { Int($0) }
    // With hidepid, /proc hides others' processes, the first of all among them.
    if !pids.contains(1) { gap = gap ?? "/proc does not show every process" }
    for pid in pids { read(pid, tree) }
  }

  private mutating func read(_ pid: Int, _ tree: FileTree) {
    let directory = "/proc/\(pid)/fd"
    switch tree.list(directory) {
    case .found(let descriptors):
      for name in descriptors {
        let link = tree.link("\(directory)/\(name)")
        // Root without CAP_SYS_PTRACE may list descriptors of others, but not read where they lead to.
        if case .failed(let reason) = link { noteGap(reason, of: pid, tree) }
        guard case .found(let target) = link, target.hasPrefix("/dev/vfio/") else { continue }
        let reference = ProcessReference(
          pid: pid, name: tree.text("/proc/\(pid)/comm").display ?? "?",
          node: target.hasPrefix("/dev/vfio/devices/") ? .cdev : .group)
        if holders[target]?.last != reference { holders[target, default: []].append(reference) }
      }
    case .absent: break  // It ended meanwhile.
    case .failed(let reason): noteGap(reason, of: pid, tree)
    }
  }

  /// A process that ends during the scan holds nothing any more, and leaves no gap.
  private mutating func noteGap(_ reason: String, of pid: Int, _ tree: FileTree) {
    if case .found = tree.bytes("/proc/\(pid)/stat", limit: 1) { gap = gap ?? reason }
  }

  /// The processes that hold one of the nodes open. A process that was found counts even when the scan
  /// has gaps; that there is none is only known when it has no gaps.
  func users(of nodes: [String], fact: String) -> Known<[ProcessReference]> {
    var found: [ProcessReference] = []
    for node in nodes {
      for holder in holders[node] ?? [] where !found.contains(holder) { found.append(holder) }
    }
    if found.isEmpty, let gap { return .unknown(fact, gap) }
    return .known(found.sorted { $0.pid < $1.pid })
  }
}

extension Host {
  /// The ancestors of this process, as far as /proc shows them.
  public static var ancestors: [Int] {
    let tree = FileTree(root: "/")
    var found: [Int] = []
    var pid = Int(getppid())
    while pid > 0, !found.contains(pid) {
      found.append(pid)
      // proc(5): the name is in parentheses and may contain any; then state and parent.
      let fields = tree.text("/proc/\(pid)/stat").display?.split(separator: ")").last?.split(separator: " ") ?? []
      pid = fields.count > 1 ? Int(fields[1]) ?? 0 : 0
    }
    return found
  }
}

extension ReadResult {
  var display: Value? {
    if case .found(let value) = self { return value }
    return nil
  }
}
