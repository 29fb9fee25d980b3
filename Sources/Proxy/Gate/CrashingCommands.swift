import Common
import Prediction
import QMP
import Syntax

/// Commands that end QEMU, and the guest with it, regardless of the host; plugs have `CrashingRequests`. All were observed on
/// 7.2.22, 10.0.13 or 11.1.3, and refused of any QEMU: the proxy does not know the version yet.
enum CrashingCommands {
  /// The refusal of a command, also of the human monitor in the form of QMP's.
  static func match(_ command: WireText, _ arguments: JSON) -> BypassRules.Reason? {
    switch command {
    case "device-list-properties", "qom-list-properties": return arguments.wire("typename").flatMap(listing)
    case "object-add": return object(arguments)
    case "qom-set":
      return arguments.wire("property") == "thread-pool-min" ? arguments["value"].flatMap(threads) : nil
    // QEMU hw/virtio/virtio-qmp.c: qmp_x_query_virtio_status, of a device without vhost.
    case "x-query-virtio-status":
      return arguments["path"] == nil ? nil : ends("`x-query-virtio-status`", "fails an assertion")
    // QEMU system/cpus.c: qmp_pmemsave, which reads into a buffer of its own.
    case "memsave", "pmemsave":
      return exceeds(arguments["size"]) ? ends("a `size` that is negative or above 2^63", "reads past its buffer") : nil
    // QEMU block.c: bdrv_reopen_multiple.
    case "blockdev-reopen":
      return arguments["options"]?.array?.isEmpty == true ? ends("`blockdev-reopen` of no node", "fails an assertion") : nil
    // QEMU block/monitor/bitmap-qmp-cmds.c: block_dirty_bitmap_merge.
    case "block-dirty-bitmap-merge":
      return arguments["bitmaps"]?.array?.isEmpty == true ? ends("a merge of no dirty bitmap", "crashes") : nil
    case "transaction":
      let actions = arguments["actions"]?.array ?? []
      return actions.lazy.compactMap { action in action.wire("type").flatMap { match($0, action["data"] ?? [:]) } }.first
    // For QEMU's own tests: QEMU 11.1 block/io.c: bdrv_drain_all_end, of a node that is opened in an I/O thread.
    case "x-blockdev-set-iothread": return ends("`x-blockdev-set-iothread`", "fails an assertion later")
    // QEMU net/announce.c: qemu_announce_self_once, whose timer is in nanoseconds and ends in the past: 2^42 ms are 139 years.
    case "announce-self":
      guard case .integer(let longest)? = arguments["max"] else { return nil }
      // A negative one is the pause too, and many rounds follow at once; 2^32-1 of them as well (7.2 and 11.1).
      if longest < 0, arguments["rounds"].flatMap(number).map({ $0 > 1000 }) == true {
        return ends("a negative `max` of `announce-self` with more than 1000 `rounds`", "announces without a pause and answers no more")
      }
      guard longest > 1 << 42 else { return nil }
      return ends("a `max` of `announce-self` above 2^42", "may announce without a pause and answer no more")
    // QEMU migration/savevm.c: without Xen's toolstack there is no channel that they could use.
    case "xen-save-devices-state", "xen-load-devices-state":
      return arguments["filename"] == nil ? nil : ends("`\(command)`", "crashes")
    case "netdev_add":
      // QEMU net/net.c: qemu_net_client_setup, of a network that a NIC uses.
      if arguments.wires("type").contains("hubport"), arguments["netdev"] != nil {
        return ends("a hub's port on a network that may be in use", "fails an assertion")
      }
      if let reason = ForwardingRule.all(in: arguments).lazy.compactMap({ console($0.device.options) }).first { return reason }
      // QEMU 7.2 net/net.c: net_client_init1.
      guard arguments.wires("type").contains("tap"), members("queues", arguments).contains(where: { number($0) == 0 }) else { return nil }
      return ends("a tap network with no `queues`", "fails an assertion")
    // QEMU 11.1 migration/migration.c: qmp_migrate.
    case "migrate", "migrate-incoming":
      guard let channels = arguments["channels"]?.array, !channels.isEmpty,
        !channels.contains(where: { $0.wire("channel-type") == "main" })
      else { return nil }
      return ends("`\(command)` without a channel of type `main`", "crashes")
    case "chardev-add", "chardev-change":
      let options = arguments["backend"]?["data"] ?? arguments
      return console(options) ?? ringBuffer(options, arguments.wire("backend") ?? arguments["backend"]?.wire("type"))
    default: return nil
    }
  }

  /// The refusal of a command of the human monitor that has no form of QMP's.
  static func match(_ command: HMPCommand) -> BypassRules.Reason? {
    let words = WireText(bytes: command.rest.bytes).words
    if HumanCommands.numbers(of: command).map(divides) == true {
      return ends("a division by anything but a positive number", "may divide -2^63 by -1")
    }
    switch WireText(command.name) {
    // A name ends at a slash too (QEMU monitor/hmp.c: get_command_name).
    case "info" where words.count > 1 && words[0] == "virtio-status" || words.first?.hasPrefix("virtio-status/") == true:
      return match("x-query-virtio-status", ["path": ""])
    case "x", "xp":
      // Digits behind a slash (QEMU monitor/hmp.c: monitor_parse_arguments), which may overflow.
      let format = command.rest.withoutBlanks.bytes
      let digits = format.dropFirst().prefix { (0x30...0x39).contains($0) }.drop { $0 == 0x30 }
      guard format.first == UInt8(ascii: "/"), digits.count > 7 || (Int(String(decoding: digits, as: UTF8.self)) ?? 0) > 1 << 20
      else { return nil }
      return lasts("`\(command.name)` of more than 1048576 parts")
    case "sum":
      if words.isEmpty { return nil }
      // Blanks neither end an expression nor are they needed behind one.
      let start = words[0].bytes.last ?? 0
      let isWhole = words.count == 2 && (start.isASCIILetterOrDigit || start == UInt8(ascii: ")"))
      guard !isWhole || (ByteSize.parse("\(words[1])") ?? .max) > 1 << 28 else { return nil }
      return lasts("`sum` of more than 256 MiB, or of an expression")
    case "qemu-io":
      // The text, in quotes or not; its words are read as QEMU reads them (QEMU qemu-io-cmds.c: qemuio_command).
      let text = WireText(bytes: command.rest.bytes.map { $0 == UInt8(ascii: "\"") ? UInt8(ascii: " ") : $0 }).words
      guard let name = text.first(where: debugging.contains) else { return nil }
      return ends("`qemu-io` with `\(name)`", "may crash, end itself or answer no more")
    default: return nil
    }
  }

  /// Whether numbers have a quotient that the processor may not be able to form: the least number and -1 (QEMU monitor/hmp.c:
  /// expr_prod, which tests for 0 only). A divisor of up to 15 digits in any base is positive.
  private static func divides(_ numbers: WireText) -> Bool {
    let bytes = numbers.bytes
    return bytes.indices.contains { index in
      guard bytes[index] == UInt8(ascii: "/") || bytes[index] == UInt8(ascii: "%") else { return false }
      let divisor = bytes[(index + 1)...].drop(while: HMPCommand.isBlank).prefix { !HMPCommand.isBlank($0) && !operators.contains($0) }
      let isNumber = divisor.first.map { (0x30...0x39).contains($0) } ?? false
      return !isNumber || divisor.count > 15
    }
  }

  private static let operators = Set("+-*/%&|^()\",".utf8)

  /// QEMU 7.2 target/i386/cpu.c: x86_cpu_set_lbr_fmt reports two errors for a text that is not a number.
  static let branchRecords = ends("`lbr-fmt` of a processor's model", "aborts")

  /// Commands of qemu-io that end QEMU, stop it until another event, or crash it for a drive without a medium (7.2 and 11.1).
  private static let debugging: Set<WireText> = ["abort", "sigraise", "sleep", "wait_break", "reopen", "info", "alloc", "map"]

  /// Types of which QEMU cannot make an object to list its properties. Those with `gl` are missing parts of a module that may
  /// not be installed.
  private static let unlistable: Set<WireText> = [
    "colo-compare", "memory-region-portio-list", "microvm-machine", "qio-net-listener", "virtio-gpu-gl-pci", "virtio-vga-gl",
    "x-remote-object",
  ]

  /// The refusal to list a type's properties, for which QEMU makes an object of it.
  static func listing(_ type: WireText) -> BypassRules.Reason? {
    unlistable.contains(type) || objects[type] != nil ? ends("the properties of `\(type)`, for which it makes an object,", "crashes") : nil
  }

  /// Types that QEMU accepts at its start only, or that take it with them when they cannot be created.
  private static let objects: [WireText: String] = [
    "x-remote-object": "crashes outside of a machine of type x-remote",
    "acpi-generic-initiator": "can end when the guest starts anew", "acpi-generic-port": "can end when the guest starts anew",
    "tdx-guest": "crashes at the next reset, also where the object is refused",
    "colo-compare": "crashes, or answers no more, when a part is missing",
  ]

  /// The type of all backends is not abstract, and lacks what `query-cryptodev` calls (QEMU 11.1); that of vhost exits in
  /// cryptodev_vhost_user_event (QEMU backends/cryptodev-vhost-user.c; 7.2 and 11.1).
  private static let cryptography: [WireText: String] = [
    "cryptodev-backend": "crashes at `query-cryptodev`", "cryptodev-vhost-user": "exits when the peer does not answer as it should",
  ]

  private static func object(_ arguments: JSON) -> BypassRules.Reason? {
    for type in arguments.wires("qom-type") {
      if let what = objects[type] { return ends("an object of type `\(type)`", what) }
      if let what = cryptography[type] { return ends("an object of type `\(type)`", what) }
      // QEMU backends/cryptodev.c: MAX_CRYPTO_QUEUE_NUM.
      if type.hasPrefix("cryptodev-"), members("queues", arguments).contains(where: { (number($0) ?? .max) > 64 }) {
        return ends("more than 64 `queues` of `\(type)`", "writes past its memory")
      }
      if let reason = members("thread-pool-min", arguments).lazy.compactMap(threads).first { return reason }
      // QEMU system/physmem.c: find_ram_offset.
      if type.hasPrefix("memory-backend-"), members("size", arguments).contains(where: exceeds) {
        return ends("a `size` of memory that is negative or above 2^63", "fails an assertion")
      }
    }
    return nil
  }

  /// Threads that QEMU starts at once; without room for one it aborts (QEMU util/thread-pool.c: spawn_thread).
  private static func threads(_ least: JSON) -> BypassRules.Reason? {
    (number(least) ?? .max) > 1024 ? ends("a `thread-pool-min` above 1024", "may find no room for its threads and aborts") : nil
  }

  /// A console's size, in pixels or characters (QEMU ui/console-vc.c: vc_chr_open). One of less than a line is written past its
  /// memory; a height of 0 is none.
  private static func console(_ options: JSON) -> BypassRules.Reason? {
    if members("height", options).contains(where: { (1..<16).contains(number($0) ?? 0) }) {
      return ends("a `height` of a console below 16", "crashes")
    }
    for (name, limit) in [("width", 16384), ("height", 16384), ("cols", 2048), ("rows", 1024)] as [(WireText, UInt64)] {
      if members(name, options).contains(where: { (number($0) ?? 0) > limit }) {
        return ends("`\(name)` of a console above \(limit)", "aborts")
      }
    }
    return nil
  }

  /// A buffer of more than a gibibyte (QEMU chardev/char-ringbuf.c: qemu_chr_open_ringbuf, which allocates it).
  private static func ringBuffer(_ options: JSON, _ type: WireText?) -> BypassRules.Reason? {
    guard type == "ringbuf" || type == "memory",
      members("size", options).contains(where: { (number($0) ?? .max) > 1 << 30 })
    else { return nil }
    return ends("a ring buffer of more than a gibibyte", "may find no memory")
  }

  private static func members(_ name: WireText, _ object: JSON) -> [JSON] {
    (object.members ?? []).filter { WireText($0.key) == name }.map(\.value)
  }

  /// A number as QEMU takes it: a negative one is very large.
  static func number(_ value: JSON) -> UInt64? {
    switch value {
    case .integer(let number): UInt64(bitPattern: number)
    case .unsigned(let number): number
    case .string(let text): ByteSize.parse(text)
    default: nil
    }
  }

  private static func exceeds(_ value: JSON?) -> Bool {
    guard let value else { return false }
    if let number = number(value) { return number > UInt64(Int64.max) }
    // Exbibytes, with fractions, come near the limit.
    return value.wire.map { $0.contains("e") || $0.contains("E") } ?? false
  }

  /// QEMU 10.0 block.c: bdrv_inactivate_recurse, of a node that is a child twice.
  static let sharedChild = ends("a node with one child twice", "fails an assertion later")

  /// QEMU block/copy-on-read.c: cor_open freezes the chain down to that node, which may not be in it (7.2 and 11.1).
  private static let copyBottom = ends("`bottom` of a node that copies on read", "answers no more when that is not below it")

  /// The refusal of a tree of block nodes.
  static func tree(_ tree: JSON) -> BypassRules.Reason? {
    if BlockOptions.sharesChild(tree) { return sharedChild }
    return BlockOptions.hasBottom(tree) ? copyBottom : BlockValues.refusal(of: tree)
  }

  private static func lasts(_ what: String) -> BypassRules.Reason {
    BypassRules.Reason(
      rule: .crashesQEMU, message: "QEMU answers nothing else, and the guest waits, for a minute or more on \(what); use pmemsave")
  }

  private static func ends(_ what: String, _ how: String) -> BypassRules.Reason {
    BypassRules.Reason(rule: .crashesQEMU, message: "on \(what) QEMU \(how), and the guest is lost")
  }
}
