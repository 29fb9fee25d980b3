import Common
import Facts
import QMP
import Syntax

/// A plug with its effective `ats` added, so that it remains the same on another QEMU.
enum PinnedATS {
  /// - Returns: the command's bytes; nil for an unchanged command, also where an unknown -global may decide.
  static func command(
    _ about: QMPCommandFilter.CommandContext, _ request: DeviceRequest, _ profile: QEMUProfile, _ globals: Known<[GlobalProperty]>
  ) -> [UInt8]? {
    guard !request.has("ats"), case .known(let names) = profile.properties, names.contains("ats"),
      case .known(let globals) = globals
    else { return nil }
    let given = globals.last {
      WireText($0.property) == "ats" && PinnedATS.drivers.contains(WireText($0.driver))
    }
    let values: [WireText] = ["on", "off", "auto"]
    let value = given.map { WireText($0.value) }.flatMap { values.contains($0) ? $0.description : nil } ?? "auto"
    return about.command == "device_add" ? qmp(about.message, value) : human(about.message, value)
  }

  private static func qmp(_ message: ClientMessage, _ value: String) -> [UInt8]? {
    guard message.arguments?.members != nil else { return nil }
    let command = replacing("arguments", in: message.json) { arguments in
      .object((arguments.members ?? []) + [JSON.Member("ats", .string(value))])
    }
    return command.canonicalBytes
  }

  private static func human(_ message: ClientMessage, _ value: String) -> [UInt8]? {
    // In quotes the text ends before the last quote.
    guard let line = message.arguments?.wire("command-line"), !line.contains("\"") else { return nil }
    var end = line.bytes
    while end.last == UInt8(ascii: " ") { end.removeLast() }
    let command = replacing("arguments", in: message.json) { arguments in
      replacing("command-line", in: arguments) { _ in .string("\(WireText(bytes: end)),ats=\(value)") }
    }
    return command.canonicalBytes
  }

  /// Types whose globals apply to vfio-pci.
  private static let drivers: Set<WireText> = ["vfio-pci", "vfio-pci-device"]

  private static func replacing(_ key: WireText, in object: JSON, by change: (JSON) -> JSON) -> JSON {
    .object((object.members ?? []).map { WireText($0.key) == key ? JSON.Member($0.key, change($0.value)) : $0 })
  }
}
