import Common
import Glibc
import Syntax

/// Paths as the QEMU sees them: in its root and from its working directory. `/proc/self` is QEMU's there, however the path gets
/// to it, and this process's own for the kernel, so that links are followed one by one.
struct QEMUPath {
  /// The number of links that the kernel follows (linux include/linux/namei.h: MAXSYMLINKS).
  private static let linkLimit = 40
  /// The length in bytes from which on the kernel opens no path (linux include/uapi/linux/limits.h: PATH_MAX).
  static let limit = 4096

  let process: pid_t?

  /// The entry that a path names, all links followed: the folder as this process can open it, and the name in it.
  /// - Returns: nil where a folder does not exist or cannot be looked into, and for a path that is too long.
  func resolved(_ path: WireText) -> (folder: String, name: WireText)? {
    guard path.bytes.count < QEMUPath.limit else { return nil }
    var base = start(of: path)
    // Parts below the root of QEMU; nil while the path is relative to the working directory.
    var inside: [String]? = path.hasPrefix("/") ? [] : nil
    var rest = Array(path.split("/").filter { !$0.bytes.isEmpty && $0 != "." }.reversed())
    var links = 0
    while let part = rest.popLast() {
      if part == ".." {
        if let parts = inside { inside = parts.dropLast() } else { base += "/.." }
        continue
      }
      let isProc = inside == ["proc"]
      let folder = base + (inside ?? []).map { "/" + $0 }.joined()
      let name = part.description
      let target = isProc ? own(part) ?? link(folder + "/" + name) : link(folder + "/" + name)
      guard let target else {
        if rest.isEmpty { return (folder + "/", part) }
        // An entry that is not a link is "invalid" to readlink(2). A folder that is missing has nothing in it.
        guard errno == EINVAL else { return nil }
        if inside != nil { inside?.append(name) } else { base += "/" + name }
        continue
      }
      links += 1
      guard links <= QEMUPath.linkLimit else { return nil }
      // A link of a process, such as its working directory, is the kernel's: its text is for the root of who reads it.
      if let inner = inside, inner.first == "proc", inner.count > 1 {
        if rest.isEmpty { return (folder + "/", part) }
        (base, inside) = (folder + "/" + name, nil)
        continue
      }
      if target.hasPrefix("/") { (base, inside) = (start(of: target), []) }
      rest += target.split("/").filter { !$0.bytes.isEmpty && $0 != "." }.reversed()
    }
    return nil
  }

  /// The file that a path names, all links followed; nil where there is none that can be seen.
  func status(_ path: WireText) -> (file: String, status: stat)? {
    guard let (folder, name) = resolved(path) else { return nil }
    let file = folder + name.description
    var status = stat()
    // SAFETY: stat reads the path and fills the structure that it is given.
    return stat(file, &status) == 0 ? (file, status) : nil
  }

  /// Whether a folder that can be seen has no such entry.
  func isMissing(_ path: WireText) -> Bool { resolved(path) != nil && status(path) == nil && errno == ENOENT }

  /// Whether a path ends at a link.
  func isLink(_ path: WireText) -> Bool {
    path.bytes.count < QEMUPath.limit && link(start(of: path) + "/" + path.description) != nil
  }

  /// The folder in which a path begins: QEMU's root or its working directory.
  private func start(of path: WireText) -> String {
    let isAbsolute = path.hasPrefix("/")
    return process.map { "/proc/\($0)/" + (isAbsolute ? "root" : "cwd") } ?? (isAbsolute ? "" : ".")
  }

  /// The links of /proc that depend on who follows them (proc(5)).
  private func own(_ name: WireText) -> WireText? {
    guard let process else { return nil }
    if name == "self" { return WireText("\(process)") }
    return name == "thread-self" ? WireText("\(process)/task/\(process)") : nil
  }

  private func link(_ path: String) -> WireText? {
    var text = [UInt8](repeating: 0, count: 4096)
    // SAFETY: readlink writes at most the buffer's own count.
    let count = text.withUnsafeMutableBytes { $0.baseAddress.map { readlink(path, $0, 4096) } ?? -1 }
    return count > 0 ? WireText(bytes: text.prefix(count)) : nil
  }
}
