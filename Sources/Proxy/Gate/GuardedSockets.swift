import Facts
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
    case .string(let text):
      if WireText(text).hasPrefix("json:"), let options = try? JSON.parse(WireText(text).dropping(5).bytes) { return named(in: options) }
      return names(WireText(text)) ? WireText(text) : nil
    case .array(let items): return items.lazy.compactMap(named).first
    case .object(let members): return members.lazy.compactMap { named(in: $0.value) }.first
    default: return nil
    }
  }

  private func names(_ text: WireText) -> Bool {
    let named = [text] + GuardedSockets.behindUnix(text)
    return paths.contains { own in named.contains { isSame($0, WireText(own)) } }
  }

  /// Paths behind `unix:`: of a URI, with options behind a comma, and of a rule that forwards to a socket, or from one.
  private static func behindUnix(_ text: WireText) -> [WireText] {
    let mark = Array("unix:".utf8)
    let bytes = text.bytes
    guard let start = bytes.indices.first(where: { bytes[$0...].starts(with: mark) }) else { return [] }
    let path = WireText(bytes: bytes[(start + mark.count)...]).split(",")[0]
    // `-ADDRESS:PORT` of a rule.
    guard let end = path.bytes.lastIndex(of: UInt8(ascii: "-")), path.bytes[end...].contains(UInt8(ascii: ":")) else { return [path] }
    return [path, WireText(bytes: path.bytes[..<end])]
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

  /// Ids of the character devices that are monitors' on a command line.
  static func monitorDevices(of machine: MachineConfig) -> Set<WireText> {
    func id(_ text: WireText) -> WireText? {
      KeyValueText(text.bytes, implied: "chardev").items.last { WireText($0.key) == "chardev" }.map { WireText($0.value) }
    }
    let options = machine.options.compactMap { option -> WireText? in
      guard let text = option.value.string.map({ WireText($0) }) else { return nil }
      switch WireText(option.name) {
      case "mon": return id(text)
      case "qmp", "qmp-pretty", "monitor": return text.hasPrefix("chardev:") ? text.dropping(8) : nil
      default: return nil
      }
    }
    let objects = machine.objects.filter { $0.type.map { BypassRules.isMonitor(WireText($0)) } ?? false }
    return Set(options + objects.compactMap { $0.string("chardev").map { WireText($0) } })
  }
}
