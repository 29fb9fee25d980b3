import Syntax

/// Descriptors of QEMU that a command's arguments name, wherever they can: by the name that `getfd` gave, or by number (QEMU
/// monitor/fds.c: monitor_fd_param).
struct NamedDescriptors {
  private(set) var names: Set<WireText> = []
  private(set) var numbers: Set<Int32> = []

  init(_ arguments: JSON?) { if let arguments { read(arguments) } }

  private mutating func read(_ value: JSON) {
    switch value {
    case .array(let items): for item in items { read(item) }
    case .object(let members):
      for member in members {
        // Key=value text has the members of a member as `addr.str`.
        switch WireText(member.key).split(".").last {
        case "fd", "fds", "vhostfd", "vhostfds", "sock-fds", "ebpf-rss-fds", "fdname": add(member.value)
        // The text of a socket's address whose type is `fd`; in the older form it is in `data`.
        case "str" where isDescriptorAddress(members), "data" where isDescriptorAddress(members): add(member.value)
        case "uri", "protocol": if let text = member.value.wire, text.hasPrefix("fd:") { add(text.dropping(3)) }
        default: read(member.value)
        }
      }
    case .string(let text): if let options = try? WireText(text).imageOptions() { read(options) }
    default: break
    }
  }

  private func isDescriptorAddress(_ members: [JSON.Member]) -> Bool {
    members.contains { WireText($0.key).split(".").last == "type" && $0.value.wire == "fd" }
  }

  private mutating func add(_ value: JSON) {
    switch value {
    case .integer(let number): if let number = Int32(exactly: number) { numbers.insert(number) }
    case .string(let text):
      // A name may have colons, and is separated from others by one.
      add(WireText(text))
      for part in WireText(text).split(":") { add(part) }
    // Several, and alternatives such as `{"str": "n"}`.
    case .array(let items): for item in items { add(item) }
    case .object(let members): for member in members { add(member.value) }
    default: break
    }
  }

  private mutating func add(_ text: WireText) {
    if let number = text.number { numbers.insert(number) } else { names.insert(text) }
  }
}
