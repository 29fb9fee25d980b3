import Syntax

/// Addresses of QEMU's monitors.
extension MonitorClients {
  /// The maximum number of addresses that commands are compared with; of more, every other command counts.
  static let maximum = 16

  /// The addresses of the monitors that a command line opens.
  /// - Parameter options: names without dashes, each with its argument.
  static func addresses(of options: [(name: String, value: String)]) -> [[UInt8]] {
    let monitors = options.filter { ["monitor", "qmp", "qmp-pretty", "mon", "object"].contains($0.name) }
    var found = options.compactMap { option -> String? in
      switch option.name {
      case "monitor", "qmp", "qmp-pretty": return address(option.value)
      case "serial": return option.value.hasPrefix("mon:") ? address(String(option.value.dropFirst(4))) : nil
      case "chardev":
        guard isOfMonitor(option.value, monitors.map(\.value)) else { return nil }
        let items = KeyValueText(Array(option.value.utf8), implied: "backend").items
        func value(_ key: String) -> String? { items.first { $0.key == key }?.value }
        if value("backend") == "pty" { return "/dev/pts" }
        return value("path").map { value("backend") == "pipe" ? $0 + ".in" : $0 } ?? value("port")
      default: return nil
      }
    }
    found = found.map { String(decoding: plain(Array($0.utf8)), as: UTF8.self) }.filter { !$0.isEmpty && !["0", "$"].contains($0) }
    return found.prefix(maximum + 1).map { Array($0.utf8) }
  }

  /// Whether a monitor uses the character device.
  static func isOfMonitor(_ chardev: String, _ monitors: [String]) -> Bool {
    let items = KeyValueText(Array(chardev.utf8), implied: "backend").items
    guard let id = items.first(where: { $0.key == "id" })?.value else { return false }
    return monitors.contains { monitor in
      KeyValueText(Array(monitor.utf8), implied: "chardev").items.contains { item in
        item.key == "chardev" && (item.value == id || item.value == "chardev:\(id)")
      }
    }
  }

  /// `unix:PATH`, `pipe:PATH`, `tcp:HOST:PORT` and the like.
  private static func address(_ text: String) -> String? {
    let whole = text.prefix { $0 != "," }
    let kind = whole.prefix { $0 != ":" }
    let rest = String(whole.dropFirst(kind.count + 1))
    switch kind {
    case "unix": return rest
    case "pipe": return rest + ".in"
    case "tcp", "telnet", "websocket": return rest.split(separator: ":").last.map(String.init)
    case "pty": return "/dev/pts"
    default: return nil
    }
  }

  /// The text without quotes and braces, so that `"${MON}"` is `$MON`.
  private static func plain(_ text: [UInt8]) -> [UInt8] { text.filter { !"\"'{}\\".utf8.contains($0) } }

  /// Whether a text names one of the addresses.
  func mentions(_ text: [UInt8]) -> Bool {
    func isPart(_ byte: UInt8?) -> Bool { byte.map { $0.isShellNameByte || "-.".utf8.contains($0) } == true }
    let text = MonitorClients.plain(text)
    return addresses.contains { address in
      text.indices(of: address).contains { start in
        let isApart = !isPart(text[..<start].last) || address.first.map { "/$.".utf8.contains($0) } == true
        return isApart && !isPart(text[(start + address.count)...].first)
      }
    }
  }

  /// Whether a client's argument may be an address that it does not name: one of which only the shell knows a part, or a path in
  /// another directory than that in which QEMU starts.
  static func mayBe(_ word: [UInt8], _ address: [UInt8]) -> Bool {
    let text = plain(word).prefix { $0 != UInt8(ascii: ",") }
    let isUnknown: (UInt8) -> Bool = { "$`*?[~".utf8.contains($0) }
    let isPath = address.contains { !(0x30...0x39).contains($0) }
    let mark = isPath ? UInt8(ascii: "/") : UInt8(ascii: ":")
    let kind = String(decoding: text.prefix { $0 != UInt8(ascii: ":") }, as: UTF8.self).lowercased()
    let isOther = kind.utf8.count < text.count && !["unix", "abstract"].contains { kind.hasPrefix($0) }
    guard text.first != UInt8(ascii: "-"), !isPath || !isOther else { return false }
    let path = isPath && kind.utf8.count < text.count ? text.dropFirst(kind.utf8.count + 1) : text
    let last = path.suffix(while: { $0 != mark }), own = address[...].suffix(while: { $0 != mark })
    guard last.contains(where: isUnknown) || own.contains(where: isUnknown) || last.elementsEqual(own) else { return false }
    return path.contains(where: isUnknown) || address.contains(where: isUnknown) && path.first == mark
      || isPath && (path.first != mark || address.first != mark)
  }
}

extension ArraySlice<UInt8> {
  /// The bytes behind the last that does not match.
  fileprivate func suffix(while isPart: (UInt8) -> Bool) -> ArraySlice<UInt8> {
    self[(lastIndex { !isPart($0) }.map { $0 + 1 } ?? startIndex)...]
  }
}
