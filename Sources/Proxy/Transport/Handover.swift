import CLinux
import Common
import Glibc
import QMP
import Syntax

/// Everything that the successor of a proxy needs: descriptors, which it inherits, and state, which it reads.
struct Handover {
  /// The environment variable with the number of the descriptor that the state is read from.
  private static let variable = "VFIOGATE_HANDOVER"
  /// Number of the format. A program reads the formats of earlier programs, because it is their successor.
  private static let format: Int64 = 1

  let monitor: GuardedMonitor
  let session: SessionState
  let qemu: Int32
  /// Sockets by the number of their client.
  let sockets: [Int: Int32]
  /// Number of clients so far.
  let accepted: Int
  let listener: ProxyListener
  /// The filter's state.
  let books: JSON

  private var descriptors: [Int32] { [qemu, listener.descriptor] + sockets.values }
}

/// The sending side.
extension Handover {
  /// Starts the program at a path in this process, with the same arguments.
  /// - Returns: only when that is not possible, with the reason.
  func execute(_ path: String?) -> String {
    guard let path else { return "the path of this program is not known" }
    if let fault = Handover.fault(of: path) { return "\(path): \(fault)" }
    // jansson would write an integer above 2^63 as a real number.
    let text = json.canonicalBytes
    guard text.count <= JSON.maximumSize else { return "\(text.count) bytes of unfinished messages cannot be handed over" }
    let file = "vfiogate-handover".withCString { clinux_memory_file($0) }
    guard file >= 0 else { return "memory for the state: \(errnoText(-file))" }
    defer { close(file) }
    var rest = text[...]
    while !rest.isEmpty {
      // SAFETY: the slice's own count is passed.
      let count = rest.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
      guard count > 0 else { return "memory for the state: \(errnoText(errno))" }
      rest = rest.dropFirst(count)
    }
    lseek(file, 0, SEEK_SET)
    setenv(Handover.variable, String(file), 1)
    for descriptor in descriptors { _ = fcntl(descriptor, F_SETFD, 0) }
    execv(path, CommandLine.unsafeArgv)
    let reason = errnoText(errno)
    for descriptor in descriptors { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    unsetenv(Handover.variable)
    return "\(path): \(reason)"
  }

  /// The path of this program's file. An update puts another file there, and may have renamed this one before. Where the path by which it
  /// was started has a link, such as one to the folder of a release, the update may be another link.
  static var program: String? {
    if let named = named() { return named }
    guard let path = WireText("/proc/self/exe").linkTarget?.bytes else { return nil }
    let deleted = Array(" (deleted)".utf8)
    return String(decoding: path.suffix(deleted.count).elementsEqual(deleted) ? path.dropLast(deleted.count) : path[...], as: UTF8.self)
  }

  /// The path by which this program was started, where it leads to its file now; nil for another, as after chroot(2) or of a descriptor.
  private static func named() -> String? {
    guard let started = clinux_started_path(), started[0] == CChar(bitPattern: UInt8(ascii: "/")) else { return nil }
    var (own, there) = (stat(), stat())
    guard stat("/proc/self/exe", &own) == 0, stat(started, &there) == 0, own.st_ino == there.st_ino, own.st_dev == there.st_dev
    else { return nil }
    // Links of descriptors lead elsewhere once these are closed.
    let path = WireText(String(cString: started))
    return path.hasPrefix("/proc/") || path.hasPrefix("/dev/fd/") ? nil : path.description
  }

  /// The reason why a program cannot be the successor: after exec(3) there is no way back.
  private static func fault(of path: String) -> String? {
    do {
      // Other programs answer too, with their names.
      let version = try answer(of: path, ["--version"])
      guard let first = version.bytes.first, (0x30...0x39).contains(first), version.words.count == 1 else {
        return "it does not answer to --version as this program does"
      }
      let own = CommandLine.arguments.dropFirst().prefix { $0 != "--" }
      guard let command = own.first else { return nil }
      let help = try answer(of: path, [command, "--help"])
      let options = own.map { WireText($0).split("=")[0] }.filter { $0.hasPrefix("--") }
      return options.first { !help.contains($0) }.map { "its help does not have `\($0)`" }
    } catch {
      return error.description
    }
  }

  /// The text that a program prints when it is started with these arguments.
  private static func answer(of path: String, _ words: [String]) throws(ProxyFailure) -> WireText {
    let null = open("/dev/null", O_RDWR | O_CLOEXEC)
    defer { close(null) }
    let output = "vfiogate-answer".withCString { clinux_memory_file($0) }
    guard output >= 0 else { throw ProxyFailure("memory for its answer: \(errnoText(-output))") }
    defer { close(output) }
    var arguments: [UnsafeMutablePointer<CChar>?] = ([path] + words).map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    // SAFETY: strings that end with NUL, the last pointer nil.
    let child = clinux_spawn(path, &arguments, null, output, null)
    guard child > 0 else { throw ProxyFailure(errnoText(-child)) }
    let deadline = Deadline(after: .seconds(2))
    var status: Int32 = 0
    while waitpid(child, &status, WNOHANG) == 0 {
      if deadline.milliseconds == 0 { kill(child, SIGKILL) }
      usleep(5000)
    }
    guard status == 0, let text = try? InputFile.read("/proc/self/fd/\(output)", limit: 65536) else {
      throw ProxyFailure("it does not answer to \(words.joined(separator: " "))")
    }
    return WireText(bytes: text.bytes)
  }

  private var json: JSON {
    [
      "format": .integer(Handover.format), "qemu": .integer(Int64(qemu)), "accepted": .integer(Int64(accepted)),
      "listener": [
        "descriptor": .integer(Int64(listener.descriptor)), "listens": .bool(listener.isListening),
        "path": listener.made.map { .string($0.path) } ?? .null, "node": .integer(Int64(listener.made?.node ?? 0)),
        "device": .integer(Int64(listener.made?.device ?? 0)),
      ],
      "monitor": [
        "greeting": .string(Handover.hexadecimal(monitor.greeting)), "offered": .array(monitor.offered.map { .string($0) }),
        "version": .string(monitor.version), "shows-place": .bool(monitor.tellsPlace), "pretty": .bool(monitor.isPretty),
      ],
      "id-prefix": .string(session.idPrefix), "issued": .integer(Int64(session.issued)), "turn": .integer(Int64(session.turn)),
      "stray-descriptors": .bool(session.hasStrayDescriptors), "clients": .array(session.clients.map(client)),
      "books": books,
    ]
  }

  private func client(_ client: SessionState.Client) -> JSON {
    [
      "number": .integer(Int64(client.peer.number)), "socket": .integer(Int64(sockets[client.peer.number] ?? -1)),
      "process": client.peer.process.map { .integer(Int64($0)) } ?? .null,
      "user": client.peer.user.map { .integer(Int64($0)) } ?? .null, "negotiated": .bool(client.isNegotiated),
      "out-of-band": .bool(client.hasOutOfBand), "ended": .bool(client.inputEnded),
      "unread": .string(Handover.hexadecimal(client.unread)),
    ]
  }

  /// Two digits a byte, without a text for each: with megabytes that takes seconds.
  private static func hexadecimal(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(2 * bytes.count)
    for byte in bytes {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }
}

/// The receiving side.
extension Handover {
  /// The state that a predecessor in this process has left; nil where there is none.
  static func taken() throws(ProxyFailure) -> Handover? {
    guard let text = environment(variable) else { return nil }
    unsetenv(variable)
    guard let file = Int32(text), file > STDERR_FILENO else { throw ProxyFailure("\(variable)=\(text) is not a descriptor") }
    defer { close(file) }
    do {
      let state = try InputFile.read("/proc/self/fd/\(file)", limit: JSON.maximumSize)
      return try Handover(JSON.parse(state.bytes))
    } catch {
      throw ProxyFailure("the state of the proxy before this one: \(error)")
    }
  }

  private init(_ state: JSON) throws(ProxyFailure) {
    let fields = HandoverFields(state)
    let format = try fields.number("format")
    guard format == Int(Handover.format) else { throw ProxyFailure("it has format \(format), not \(Handover.format)") }
    let door = try fields.object("listener"), guarded = try fields.object("monitor")
    qemu = Int32(try fields.number("qemu"))
    accepted = try fields.number("accepted")
    let path = door.value["path"]?.string
    listener = ProxyListener(
      descriptor: Int32(try door.number("descriptor")), isListening: try door.flag("listens"),
      made: try path.map { path throws(ProxyFailure) in
        SocketFile(path: path, node: ino_t(try door.number("node")), device: dev_t(try door.number("device")))
      })
    monitor = GuardedMonitor(
      greeting: try guarded.bytes("greeting"), offered: try guarded.list("offered").compactMap(\.string),
      version: try guarded.text("version"), tellsPlace: try guarded.flag("shows-place"), isPretty: try guarded.flag("pretty"))
    var clients: [SessionState.Client] = [], sockets: [Int: Int32] = [:]
    for item in try fields.list("clients") {
      let client = HandoverFields(item)
      let number = try client.number("number")
      let peer = ProxyPeer(
        number: number, process: try client.optional("process").map { Int32($0) }, user: try client.optional("user").map { UInt32($0) })
      clients.append(
        SessionState.Client(
          peer: peer, isNegotiated: try client.flag("negotiated"), hasOutOfBand: try client.flag("out-of-band"),
          inputEnded: try client.flag("ended"), unread: try client.bytes("unread")))
      sockets[number] = Int32(try client.number("socket"))
    }
    self.sockets = sockets
    session = SessionState(
      idPrefix: try fields.text("id-prefix"), issued: try fields.number("issued"), turn: try fields.number("turn"),
      hasStrayDescriptors: try fields.flag("stray-descriptors"), clients: clients)
    books = try fields.object("books").value
    for descriptor in descriptors {
      guard fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 else { throw ProxyFailure("descriptor \(descriptor): \(errnoText(errno))") }
    }
  }
}

/// Members of an object that must be there.
struct HandoverFields {
  let value: JSON

  init(_ value: JSON) { self.value = value }

  func object(_ key: String) throws(ProxyFailure) -> HandoverFields { try field(key) { $0.members == nil ? nil : HandoverFields($0) } }

  func list(_ key: String) throws(ProxyFailure) -> [JSON] { try field(key, \.array) }

  func text(_ key: String) throws(ProxyFailure) -> String { try field(key, \.string) }

  func flag(_ key: String) throws(ProxyFailure) -> Bool {
    try field(key) { if case .bool(let flag) = $0 { flag } else { nil } }
  }

  /// A number from 0 to 2^31 - 1, or an inode's or a device's.
  func number(_ key: String) throws(ProxyFailure) -> Int {
    try field(key) { if case .integer(let number) = $0, number >= 0 { Int(number) } else { nil } }
  }

  func optional(_ key: String) throws(ProxyFailure) -> Int? { value[key] == .null ? nil : try number(key) }

  /// Bytes in hexadecimal.
  func bytes(_ key: String) throws(ProxyFailure) -> [UInt8] {
    try field(key) { value in
      guard let digits = value.string.map({ Array($0.utf8) }), digits.count % 2 == 0 else { return nil }
      var bytes: [UInt8] = []
      for index in stride(from: 0, to: digits.count, by: 2) {
        guard let byte = UInt8(String(decoding: digits[index..<index + 2], as: UTF8.self), radix: 16) else { return nil }
        bytes.append(byte)
      }
      return bytes
    }
  }

  private func field<Value>(_ key: String, _ read: (JSON) -> Value?) throws(ProxyFailure) -> Value {
    guard let member = value[key], let read = read(member) else { throw ProxyFailure("`\(key)` is missing or has another type") }
    return read
  }
}
