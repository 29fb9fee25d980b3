import Facts
import Syntax

/// An argument with which QEMU prints a list and exits, besides that of `-device` (observed on 7.2.22, 10.0.13 and 11.1.3).
enum HelpRequest {
  private static let lists: Set<String> = [
    "accel", "audio", "audiodev", "boot", "chardev", "cpu", "display", "netdev", "nic", "plugin", "smp", "tpmdev", "trace", "vga",
  ]

  /// Whether the argument of an option asks for help.
  static func isOne(_ argument: String, of option: String) -> Bool {
    func isHelp(_ text: some StringProtocol) -> Bool { text == "help" || text == "?" }
    if lists.contains(option) { return isHelp(argument) }
    guard ["M", "machine", "object"].contains(option), argument.first != "{" else { return false }
    let items = argument.split(separator: ",")
    return items.contains(where: isHelp) || option == "object" && items.first.map { isHelp($0.drop { $0 != "=" }.dropFirst()) } == true
  }
}

extension CommandLineReader {
  /// Records that no guest starts.
  mutating func help(_ name: String, _ argument: Word, _ whole: Location) {
    definition.machine.unreadParts.append(
      UnreadPart(what: "guest behind `-\(name) \(argument.text)`", reason: "QEMU prints help and starts none", location: whole))
  }
}
