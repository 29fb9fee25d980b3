import Common
import Facts
import Glibc
import Syntax

/// The address of a monitor, by the options of QEMU's socket character device.
enum MonitorAddress: Hashable, Sendable {
  /// QEMU listens at a path. `waits`: it continues only when a client has connected.
  case listens(path: String, waits: Bool)
  /// QEMU gets a socket that is listening already.
  case listensOn(descriptor: Int32, waits: Bool)
  /// QEMU gets a connection.
  case connected(descriptor: Int32)
  /// Any address that cannot be guarded, with the reason.
  case other(String)

  /// - Parameter device: `unix:PATH,server=on`, as -qmp and -monitor have it (QEMU chardev/char.c:
  ///   qemu_chr_parse_compat).
  init(device: String) {
    guard device.hasPrefix("unix:") else {
      self = .other("it is on `\(device.prefix { $0 != "," })`, not on a Unix socket")
      return
    }
    self.init(KeyValueText(Array(device.dropFirst(5).utf8), implied: "path").items)
  }

  /// - Parameter options: of `-chardev socket` (QEMU chardev/char-socket.c: qemu_chr_parse_socket).
  init(_ options: [KeyValueText.Item]) {
    func value(_ key: String) -> String? { options.last { $0.key == key }?.value }
    func isOn(_ key: String) -> Bool { value(key).map { QEMUBool($0) } == .on }
    let strange = ["abstract", "telnet", "tn3270", "websocket", "mux"].first(where: isOn)
      ?? ["tls-creds", "reconnect", "reconnect-ms"].first { value($0) != nil }
    let waits = value("wait") == nil || isOn("wait")
    if let strange {
      self = .other("it has `\(strange)`")
    } else if let descriptor = value("fd") {
      guard let number = Int32(descriptor), number > 2 else {
        self = .other("its descriptor is `\(descriptor)`")
        return
      }
      self = isOn("server") ? .listensOn(descriptor: number, waits: waits) : .connected(descriptor: number)
    } else if let path = value("path") {
      self = isOn("server") ? .listens(path: path, waits: waits) : .other("QEMU connects to `\(path)` by itself")
    } else {
      self = .other("it is not on a Unix socket")
    }
  }

  /// The path of a socket that QEMU listens at by itself; nil for another address.
  var path: String? {
    switch self {
    case .listens(let path, _): MonitorAddress.absolute(path)
    case .listensOn(let descriptor, _): SocketFile.path(of: descriptor)
    case .connected, .other: nil
    }
  }

  /// A path from the root.
  static func absolute(_ path: String) -> String {
    guard !path.hasPrefix("/"), let folder = getcwd(nil, 0) else { return path }
    defer { free(folder) }
    return String(cString: folder) + "/" + path
  }

  /// Options of a listening socket, which are removed when QEMU gets a connection instead.
  private static let addressing: Set<String> = ["path", "fd", "server", "wait", "abstract", "tight"]

  /// The same character device on an inherited connection; options that are not about the address remain.
  static func rewritten(_ text: String, onto descriptor: Int32) -> String {
    let isDevice = text.hasPrefix("unix:")
    let items = KeyValueText(Array((isDevice ? String(text.dropFirst(5)) : text).utf8), implied: isDevice ? "path" : "backend")
      .items.filter { !addressing.contains($0.key) }
    let kept = items.map { item in
      let value = item.value.split(separator: ",", omittingEmptySubsequences: false).joined(separator: ",,")
      return item.key == "backend" ? value : "\(item.key)=\(value)"
    }
    return (isDevice ? "unix:" : "") + ((isDevice ? ["fd=\(descriptor)"] + kept : kept + ["fd=\(descriptor)"]).joined(separator: ","))
  }
}
