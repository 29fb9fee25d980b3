import CLinux
import Common
import Glibc
import Syntax

/// Files of a command at which QEMU would wait: it opens them in its main thread, and serves neither the guest nor a monitor until
/// open(2) or read(2) returns. Only stat(2) inspects them: to open a FIFO would give its reader an end.
struct BlockingFiles {
  private enum Kind {
    /// Waits at open(2).
    case fifo
    /// Waits at read(2), or is never read to its end.
    case endless
  }

  /// Limit of paths of one command that are looked up.
  private static let limit = 16384
  /// Limit of the folders in all of them, each of which is looked up too.
  private static let folderLimit = 131_072
  /// Limit of the parts of a text, between colons, that may be paths: options of a character device have less than 40 names.
  private static let partLimit = 64

  private let view: QEMUPath

  /// - Parameter process: QEMU's; nil, or one whose root cannot be read, means this process's own files.
  init(process: pid_t?) {
    view = QEMUPath(process: process.flatMap { access("/proc/\($0)/root/", X_OK) == 0 ? $0 : nil })
  }

  /// The refusal of a QMP command, or of one of the human monitor in the form of QMP's.
  func refusal(of command: WireText, _ arguments: JSON) -> BypassRules.Reason? {
    guard BlockingFiles.opens(command) else { return nil }
    var texts: [WireText] = []
    if command == "netdev_add" {
      texts = ForwardingRule.all(in: arguments).filter { !$0.device.isPipe }.map(\.text)
    } else {
      collect(arguments, except: BlockingFiles.nonBlocking(command, arguments), into: &texts)
    }
    guard command == "object-add", BlockingFiles.isReadToEnd(arguments) else {
      return refusal(texts, isReadToEnd: false) ?? refusal(BlockingFiles.configurations(arguments), isReadToEnd: true)
    }
    for folder in arguments.wires("dir") { texts += BlockingFiles.credentials.map { WireText("\(folder)/\($0)") } }
    return refusal(texts, isReadToEnd: true)
  }

  /// The refusal of a command of the human monitor that has no form of QMP's.
  func refusal(of command: HMPCommand) -> BypassRules.Reason? {
    guard BlockingFiles.humanCommands.contains(WireText(command.name)) else { return nil }
    let words = BlockingFiles.words(command.rest)
    return refusal(WireText(command.name) == "logfile" ? words.map(named) : words, isReadToEnd: false)
  }

  private func refusal(_ texts: [WireText], isReadToEnd: Bool) -> BypassRules.Reason? {
    var left = BlockingFiles.limit
    var foldersLeft = BlockingFiles.folderLimit
    for path in texts.lazy.flatMap(BlockingFiles.paths(in:)) {
      left -= 1
      foldersLeft -= path.bytes.count { $0 == UInt8(ascii: "/") }
      if left < 0 || foldersLeft < 0 {
        return BypassRules.Reason(rule: .malformedInput, message: "more than \(BlockingFiles.limit) texts that may be names of files")
      }
      switch kind(path) {
      case .fifo: return reason("`\(path)` is a FIFO, at which QEMU would wait, and the guest with it")
      case .endless where isReadToEnd: return reason("`\(path)` has no end that QEMU would read, and the guest is lost")
      default: continue
      }
    }
    return nil
  }

  /// The name of a log, in which the number of QEMU's process is written `%d` (QEMU util/log.c: qemu_set_log_filename).
  private func named(_ log: WireText) -> WireText {
    guard let number = view.ownNumber, let end = log.ends(of: "%d").first else { return log }
    return WireText(bytes: Array(log.bytes[..<(end - 2)]) + number.bytes + Array(log.bytes[end...]))
  }

  private func reason(_ message: String) -> BypassRules.Reason { BypassRules.Reason(rule: .blockingFile, message: message) }

  /// Commands that only report, or change nothing beyond the guest, open no file.
  private static func opens(_ command: WireText) -> Bool {
    switch CommandClass.named(command) {
    case .open, .guest: false
    case .judged: command == "device_add"
    case .host, nil: !others.contains(command)
    }
  }

  /// Others that do not, or not so that they would wait.
  private static let others: Set<WireText> = ["qom-get", "qom-list-get", "qom-set", "nbd-server-start", "migrate-set-parameters"]

  /// Members that name no file, though a FIFO in QEMU's working directory may have that name.
  private static let names: Set<WireText> = [
    "id", "driver", "type", "qom-type", "backend", "node-name", "job-id", "device", "chardev", "netdev", "drive", "bus", "fdname",
  ]

  /// The members that a command opens for reading and writing, or without waiting; the files of a character device of type `file` are not
  /// among them (QEMU chardev/char-pipe.c: qemu_chr_open_pipe; backends/rng-random.c: rng_random_opened).
  private static func nonBlocking(_ command: WireText, _ arguments: JSON) -> Set<WireText> {
    switch command {
    case "chardev-add", "chardev-change":
      let types = arguments.wires("backend") + [arguments["backend"]?.wire("type")].compactMap { $0 }
      return types.contains("file") ? [] : ["path"]
    case "object-add": return arguments.wires("qom-type").allSatisfy { $0 == "rng-random" } ? ["filename"] : []
    default: return []
    }
  }

  /// Whether an object reads a file of its own to the end (QEMU crypto/secret.c, crypto/tlscreds*.c, authz/listfile.c).
  private static func isReadToEnd(_ arguments: JSON) -> Bool {
    arguments.wires("qom-type").contains { $0 == "secret" || $0.hasPrefix("tls-creds-") }
  }

  /// The files of rules and options in those of block nodes, which QEMU reads to the end (QEMU block/blkdebug.c: read_config; block/rbd.c).
  private static func configurations(_ value: JSON) -> [WireText] {
    switch value {
    case .string(let text): (try? WireText(text).imageOptions()).map(configurations) ?? []
    case .array(let items): items.flatMap(configurations)
    case .object(let members):
      members.flatMap { member in
        let isOne = ["config", "conf"].contains(WireText(member.key).split(".").last)
        return (isOne ? member.value.wire.map { [$0] } : nil) ?? configurations(member.value)
      }
    default: []
    }
  }

  /// Files that QEMU reads in the folder of an object's credentials (QEMU include/crypto/tlscredsx509.h, tlscreds.h, tlscredspsk.h).
  private static let credentials: [WireText] = [
    "ca-cert.pem", "ca-crl.pem", "server-cert.pem", "server-key.pem", "client-cert.pem", "client-key.pem", "dh-params.pem", "keys.psk",
  ]

  /// Commands of the human monitor with names of files among their words.
  private static let humanCommands = Set(
    WireText(
      """
      memsave pmemsave dump-guest-memory dump-skeys dumpdtb logfile wavcapture change drive_backup drive_mirror snapshot_blkdev qemu-io
      """
    ).words)

  /// The words of a line, and those of a word in quotes, which may be a command of qemu-io. A word in quotes may follow a number directly.
  private static func words(_ line: Word) -> [WireText] {
    var found: [WireText] = []
    var rest = line.withoutBlanks
    while let (word, behind) = rest.hmpWord {
      let text = WireText(bytes: word.bytes)
      found += [text] + text.words + text.split("\"")
      rest = behind.withoutBlanks
    }
    return found
  }

  /// The texts that may be names of files, also in an image's options.
  private func collect(_ value: JSON, except skipped: Set<WireText>, into texts: inout [WireText]) {
    switch value {
    case .string(let text):
      // Options that cannot be read were refused.
      guard let options = try? WireText(text).imageOptions() else { return texts.append(WireText(text)) }
      collect(options, except: [], into: &texts)
    case .array(let items): for item in items { collect(item, except: skipped, into: &texts) }
    case .object(let members):
      for member in members {
        guard let key = WireText(member.key).split(".").last, !skipped.contains(key), !BlockingFiles.names.contains(key) else {
          // A name may be options of an image, and a member of these names an object.
          if member.value.wire == nil { collect(member.value, except: skipped, into: &texts) }
          continue
        }
        collect(member.value, except: skipped, into: &texts)
      }
    default: break
    }
  }

  /// The paths that a text may be or contain: behind a protocol or a key (`file:PATH`, `blkdebug:PATH:IMAGE`, `file,path=PATH`), and before
  /// more of them.
  private static func paths(in text: WireText) -> [WireText] {
    let bytes = text.bytes
    let starts = bytes.indices.lazy.filter { bytes[$0] == UInt8(ascii: ":") || bytes[$0] == UInt8(ascii: "=") }.map { $0 + 1 }
    let offsets = text.ends(of: ",offset=").map { $0 - 8 }
    return ([0] + starts.prefix(partLimit)).flatMap { start in
      let rest = bytes[start...]
      let ends = [rest.firstIndex(of: UInt8(ascii: ":")), rest.firstIndex(of: UInt8(ascii: ",")), offsets.first { $0 >= start }]
      // A longer one cannot be opened.
      return ([bytes.endIndex] + ends.compactMap { $0 }).filter { $0 - start < QEMUPath.limit }.map { WireText(bytes: bytes[start..<$0]) }
    }
  }

  private func kind(_ path: WireText) -> Kind? {
    guard let (file, status) = view.status(path) else { return nil }
    var system: UInt64 = 0
    switch status.st_mode & S_IFMT {
    // A pipe that QEMU has inherited is opened without waiting (linux fs/pipe.c: fifo_open; include/uapi/linux/magic.h: PIPEFS_MAGIC).
    case S_IFIFO: return clinux_file_system(file.terminated, &system) == 0 && system == 0x5049_5045 ? .endless : .fifo
    // All but /dev/null, the third memory device (linux Documentation/admin-guide/devices.txt).
    case S_IFCHR: return status.st_rdev == 0x103 ? nil : .endless
    case S_IFBLK: return .endless
    // Some of /proc wait for more, such as /proc/kmsg (magic.h: PROC_SUPER_MAGIC, TRACEFS_MAGIC).
    case S_IFREG: return clinux_file_system(file.terminated, &system) == 0 && [0x9fa0, 0x7472_6163].contains(system) ? .endless : nil
    default: return nil
    }
  }
}

extension QMPCommandFilter {
  /// Nil in the profile in which no command passes that names a file: the proxy waits for a file system that answers late.
  private var files: BlockingFiles? { options.profile == .guestSafety ? BlockingFiles(process: options.process) : nil }

  /// The refusal of a QMP command, or of one of the human monitor in the form of QMP's.
  func blockingFile(_ command: WireText, _ arguments: JSON?) -> BypassRules.Reason? {
    guard let files, let arguments else { return nil }
    return WaitingSockets.refusal(of: command, arguments) ?? files.refusal(of: command, arguments)
  }

  /// The refusal of a command of the human monitor that has no form of QMP's.
  func blockingFile(_ command: HMPCommand) -> BypassRules.Reason? { files?.refusal(of: command) }
}
