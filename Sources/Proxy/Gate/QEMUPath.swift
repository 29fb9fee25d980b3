import Common
import Glibc
import Syntax

/// Paths as the QEMU sees them: in its root and from its working directory. `/proc/self` is QEMU's there, however the path gets
/// to it, and this process's own for the kernel, so that links are followed one by one. Names are bytes: that of a link's target need not
/// be UTF-8.
struct QEMUPath {
  /// The number of links that the kernel follows (linux include/linux/namei.h: MAXSYMLINKS).
  private static let linkLimit = 40
  /// The length in bytes from which on the kernel opens no path (linux include/uapi/linux/limits.h: PATH_MAX).
  static let limit = 4096

  let process: pid_t?

  /// The number that the process has for itself: the last of those that it has in namespaces (proc_pid_status(5)).
  var ownNumber: WireText? {
    guard let process, let status = try? InputFile.read("/proc/\(process)/status", limit: 65536).bytes else { return nil }
    return WireText(bytes: status).split("\n").first { $0.hasPrefix("NSpid:") }?.words.last
  }

  /// The entry that a path names, all links followed: the folder as this process can open it, and the name in it.
  /// - Returns: nil where a folder does not exist or cannot be looked into, and for a path that is too long.
  func resolved(_ path: WireText) -> (folder: WireText, name: WireText)? {
    guard path.bytes.count < QEMUPath.limit else { return nil }
    var base = start(of: path)
    // Parts below QEMU's root, `self` in /proc for its own entry; nil while the path is relative to its working directory.
    var inside: [WireText]? = path.hasPrefix("/") ? [] : nil
    var rest = Array(path.split("/").filter { !$0.bytes.isEmpty && $0 != "." }.reversed())
    var links = 0
    while let part = rest.popLast() {
      if part == ".." {
        if let parts = inside { inside = parts.dropLast() } else if !isRoot(base) { base = base + "/.." }
        continue
      }
      if inside == ["proc"], let own = own(part) {
        inside?.append(contentsOf: own)
        if rest.isEmpty { return (folder(base, inside) + "/", ".") }
        continue
      }
      let folder = folder(base, inside)
      guard let target = (folder + "/" + part).linkTarget else {
        if rest.isEmpty { return (folder + "/", part) }
        // An entry that is not a link is "invalid" to readlink(2). A folder that is missing has nothing in it.
        guard errno == EINVAL else { return nil }
        if inside != nil { inside?.append(part) } else { base = base + "/" + part }
        continue
      }
      links += 1
      guard links <= QEMUPath.linkLimit else { return nil }
      // A link of a process, such as its working directory, is the kernel's: its text is for the root of who reads it.
      if let inner = inside, inner.first == "proc", inner.count > 1 {
        if rest.isEmpty { return (folder + "/", part) }
        (base, inside) = (folder + "/" + part, nil)
        continue
      }
      if target.hasPrefix("/") { (base, inside) = (start(of: target), []) }
      rest += target.split("/").filter { !$0.bytes.isEmpty && $0 != "." }.reversed()
    }
    return nil
  }

  /// The file that a path names, all links followed; nil where there is none that can be seen.
  func status(_ path: WireText) -> (file: WireText, status: stat)? {
    guard let (folder, name) = resolved(path) else { return nil }
    let file = folder + name
    var status = stat()
    // SAFETY: stat reads the path and fills the structure that it is given.
    return stat(file.terminated, &status) == 0 ? (file, status) : nil
  }

  /// Whether a folder that can be seen has no such entry.
  func isMissing(_ path: WireText) -> Bool { resolved(path) != nil && status(path) == nil && errno == ENOENT }

  /// Whether a path ends at a link.
  func isLink(_ path: WireText) -> Bool {
    path.bytes.count < QEMUPath.limit && (start(of: path) + "/" + path).linkTarget != nil
  }

  /// The folder in which a path begins: QEMU's root or its working directory.
  private func start(of path: WireText) -> WireText {
    let isAbsolute = path.hasPrefix("/")
    return process.map { WireText("/proc/\($0)/" + (isAbsolute ? "root" : "cwd")) } ?? (isAbsolute ? "" : ".")
  }

  /// The parts behind /proc of a link there that depends on who follows it (proc(5)). The process keeps the name `self`: QEMU's
  /// /proc may have another number for it.
  private func own(_ name: WireText) -> [WireText]? {
    guard let process else { return nil }
    if name == "self" { return ["self"] }
    return name == "thread-self" ? ["self", "task", WireText("\(process)")] : nil
  }

  /// The folder of parts below a root, or of the working directory alone.
  private func folder(_ base: WireText, _ inside: [WireText]?) -> WireText {
    guard let inside else { return base }
    let isOwn = inside.starts(with: ["proc", "self"])
    let start = isOwn ? process.map { WireText("/proc/\($0)") } : nil
    return (start ?? base) + WireText(bytes: inside.dropFirst(start == nil ? 0 : 2).flatMap { ("/" + $0).bytes })
  }

  /// Whether a folder is QEMU's root, above which there is nothing: this process may see more.
  private func isRoot(_ folder: WireText) -> Bool {
    var (one, root) = (stat(), stat())
    // SAFETY: stat reads the path and fills the structure that it is given.
    guard stat((folder + "/.").terminated, &one) == 0, stat((start(of: "/") + "/.").terminated, &root) == 0 else { return false }
    return one.st_dev == root.st_dev && one.st_ino == root.st_ino
  }

}

extension WireText {
  /// The target of the link at the path; nil when it cannot be read.
  var linkTarget: WireText? {
    var text = [UInt8](repeating: 0, count: 4096)
    // SAFETY: readlink writes at most the buffer's own count.
    let count = text.withUnsafeMutableBytes { $0.baseAddress.map { readlink(terminated, $0, 4096) } ?? -1 }
    return count > 0 ? WireText(bytes: text.prefix(count)) : nil
  }

  /// The bytes for a system call: those of a name in the kernel's own form.
  var terminated: [CChar] { bytes.map { CChar(bitPattern: $0) } + [0] }

  fileprivate static func + (one: WireText, more: WireText) -> WireText { WireText(bytes: one.bytes + more.bytes) }
}
