import Glibc
import Syntax

/// The proxy's own socket and that of its monitor: a listener of QEMU's at one of the paths replaces it, and a connection of
/// QEMU's own to one of them is a monitor's client that the proxy does not see.
struct GuardedSockets {
  let paths: [String]
  let process: pid_t?

  /// A text of the arguments that names one of the paths, as far as this process sees QEMU's files; nil for none.
  func named(in value: JSON) -> WireText? {
    if paths.isEmpty { return nil }
    switch value {
    case .string(let text): return names(WireText(text)) ? WireText(text) : nil
    case .array(let items): return items.lazy.compactMap(named).first
    case .object(let members): return members.lazy.compactMap { named(in: $0.value) }.first
    default: return nil
    }
  }

  private func names(_ text: WireText) -> Bool {
    // `unix:PATH` of a URI, with options behind a comma.
    let path = text.hasPrefix("unix:") ? text.dropping(5).split(",")[0] : text
    return paths.contains { isSame(path, WireText($0)) }
  }

  /// Whether two paths are the same entry of one folder; the file itself may not exist.
  private func isSame(_ path: WireText, _ own: WireText) -> Bool {
    guard let name = path.split("/").last, name == own.split("/").last else { return false }
    guard let theirs = folder(of: path, root: process.map { "/proc/\($0)/root" } ?? "", cwd: process.map { "/proc/\($0)/cwd" } ?? "."),
      let ours = folder(of: own, root: "", cwd: ".")
    else { return path == own }
    return theirs == ours
  }

  private struct Folder: Equatable {
    let device: UInt64
    let inode: UInt64
  }

  private func folder(of path: WireText, root: String, cwd: String) -> Folder? {
    let parts = path.split("/").dropLast()
    let name = parts.map(\.description).joined(separator: "/")
    let isAbsolute = path.hasPrefix("/")
    var status = stat()
    // SAFETY: stat reads the path and fills the structure that it is given.
    guard stat(isAbsolute ? "\(root)\(name)/" : "\(cwd)/\(name)", &status) == 0 else { return nil }
    return Folder(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
  }
}
