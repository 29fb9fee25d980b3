import Facts
import Syntax

/// A rule with which a user network forwards to a character device, such as `tcp:10.0.2.100:80-unix:PATH,server=on` (QEMU net/slirp.c:
/// slirp_guestfwd): nothing else of such a network opens one.
struct ForwardingRule {
  let text: WireText

  /// The rules of a network backend's arguments.
  static func all(in arguments: JSON) -> [ForwardingRule] {
    // Key=value text has the members of a member as `guestfwd.0.str`.
    let rules = (arguments.members ?? []).filter { WireText($0.key).split(".").first == "guestfwd" }.map(\.value)
    return rules.flatMap { ($0.array ?? [$0]).compactMap { $0.wire ?? $0.wire("str") } }.map(ForwardingRule.init)
  }

  /// The text behind the port.
  var device: CharacterDeviceText {
    let bytes = text.bytes
    let colons = bytes.indices.filter { bytes[$0] == UInt8(ascii: ":") }
    guard colons.count > 1, let dash = bytes[colons[1]...].firstIndex(of: UInt8(ascii: "-")) else { return CharacterDeviceText(text) }
    return CharacterDeviceText(WireText(bytes: bytes[(dash + 1)...]))
  }
}

/// A character device in its older form, such as `tcp:HOST:PORT,server=on` (QEMU chardev/char.c: qemu_chr_parse_compat).
package struct CharacterDeviceText {
  private let text: WireText

  /// - Parameter text: the value of `-serial` and others.
  package init(_ text: WireText) { self.text = text }

  /// Devices with options behind the first comma: in the path of another a comma is a part of the name.
  private static let sockets: [WireText] = ["unix:", "tcp:", "telnet:", "tn3270:", "websocket:"]

  /// The options, which for a socket at a path begin at once: the first may be any.
  var options: JSON {
    if text.hasPrefix("vc:") { return size }
    guard CharacterDeviceText.sockets.contains(where: text.hasPrefix) else { return [:] }
    let isSocket = text.hasPrefix("unix:")
    let items = KeyValueText((isSocket ? text.dropping(5) : text).bytes, implied: isSocket ? "path" : "backend").items
    return .object(items.map { .init($0.key, .string($0.value)) })
  }

  /// The size of a console, in pixels or characters: `vc:800x600`, `vc:80Cx24C`.
  private var size: JSON {
    let numbers = text.dropping(3).split("x").map { JSON.string($0.split("C")[0].description) }
    guard numbers.count == 2 else { return [:] }
    let names = text.contains("C") ? ("cols", "rows") : ("width", "height")
    return .object([.init(names.0, numbers[0]), .init(names.1, numbers[1])])
  }

  /// The id of a device that there is already, such as `chardev:ID`; nil for a device that is made.
  var existing: WireText? { text.hasPrefix("chardev:") ? text.dropping(8) : nil }

  /// Whether it is a program for each connection, and not a device (QEMU net/slirp.c: slirp_guestfwd).
  var isProgram: Bool { text.hasPrefix("cmd:") }

  /// Whether it is a pipe, which QEMU opens for reading and writing, and so without waiting.
  var isPipe: Bool { text.hasPrefix("pipe:") }

  /// Whether QEMU makes a human monitor of a device that may be shared with one (QEMU chardev/char.c: qemu_chr_new_permit_mux_mon).
  package var opensMonitor: Bool { text.hasPrefix("mon:") || options.isOn("mux", default: false) }
}
