import Common
import Facts
import Syntax

/// Where the clients of a monitor find it, as the options of QEMU's socket character device say.
enum MonitorAddress: Hashable, Sendable {
  /// QEMU listens at a path. `waits`: and goes on only when a client has come.
  case listens(path: String, waits: Bool)
  /// QEMU is handed a socket that listens already.
  case listensOn(descriptor: Int32, waits: Bool)
  /// QEMU is handed a connection.
  case connected(descriptor: Int32)
  /// Nothing that can be stood in front of; why.
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

  /// Options that say where and how a socket listens, and go when QEMU is handed a connection instead.
  private static let placing: Set<String> = ["path", "fd", "server", "wait", "abstract", "tight"]

  /// The same character device on an inherited connection; all that says nothing about its place stays.
  static func rewritten(_ text: String, onto descriptor: Int32) -> String {
    let isDevice = text.hasPrefix("unix:")
    let items = KeyValueText(Array((isDevice ? String(text.dropFirst(5)) : text).utf8), implied: isDevice ? "path" : "backend")
      .items.filter { !placing.contains($0.key) }
    let kept = items.map { item in
      let value = item.value.split(separator: ",", omittingEmptySubsequences: false).joined(separator: ",,")
      return item.key == "backend" ? value : "\(item.key)=\(value)"
    }
    return (isDevice ? "unix:" : "") + ((isDevice ? ["fd=\(descriptor)"] + kept : kept + ["fd=\(descriptor)"]).joined(separator: ","))
  }
}
