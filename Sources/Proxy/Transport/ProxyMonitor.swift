import CLinux
import Common
import Glibc
import QMP
import Syntax

/// The proxy's one connection to QEMU's monitor.
final class ProxyMonitor {
  let descriptor: Int32
  /// QEMU's greeting, byte for byte, which every client gets.
  private(set) var greeting: [UInt8] = []
  private(set) var offered: [String] = []
  private(set) var version = ""
  /// Whether QEMU's parse errors begin with their position (11.1), or do not (7.2).
  private(set) var tellsPlace = false
  /// Whether the monitor prints each object on several lines.
  private(set) var isPretty = false
  var stream = ServerStream()
  var outbox = ProxyOutbox()
  /// Whether writing has failed; messages that QEMU sent before are still read.
  private(set) var writeFailed = false
  /// The prefix of the proxy's own ids. Clients cannot guess it, so a client's id is never mistaken for one of ours.
  private let idPrefix: String
  private var issued: UInt64 = 0

  init(_ descriptor: Int32) {
    self.descriptor = descriptor
    var chance = SystemRandomNumberGenerator()
    idPrefix = "vfiogate-\(String(chance.next(), radix: 16))-"
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
  }

  deinit {
    outbox.clear()
    close(descriptor)
  }

  /// Queues a command of the proxy's own.
  func ask(_ command: Command) -> CommandID {
    issued += 1
    let id = CommandID(text: idPrefix + String(issued))
    outbox.add(command.bytes(id: id), descriptors: command.descriptors)
    return id
  }

  func flush() {
    guard !writeFailed, case .failed = outbox.flush(to: descriptor) else { return }
    writeFailed = true
    outbox.clear()
  }

  /// Reads once. Returns 0 at the end, or -errno; descriptors that arrived are passed to the caller.
  func read() -> (count: Int, descriptors: [Int32]) {
    var descriptors: [Int32] = []
    let count = stream.receive { bytes in
      withUnsafeTemporaryAllocation(of: Int32.self, capacity: Int(CLINUX_DESCRIPTORS_MAX)) { room in
        var number = 0
        // SAFETY: the buffers' own counts bound what is written into them.
        let count = clinux_receive(descriptor, bytes.baseAddress, bytes.count, room.baseAddress, &number)
        if number > 0 { descriptors = Array(UnsafeBufferPointer(rebasing: room[..<number])) }
        return count
      }
    }
    return (count, descriptors)
  }
}

/// The beginning of the session: the greeting is read, the parser put into a known state, and QEMU's
/// session negotiated once for all clients.
extension ProxyMonitor {
  /// - Parameter stop: becomes readable when the wait is to end.
  func begin(until deadline: Deadline, stop: Int32?) throws(ProxyFailure) {
    try receive(until: deadline, stop, awaiting: "greeting") { (kind, bytes) throws(ProxyFailure) -> Bool in
      guard kind == .greeting, case .greeting(let greeting)? = try? ServerMessage.parse(bytes) else {
        throw ProxyFailure("QEMU sent no greeting: `\(ProxyMonitor.excerpt(bytes))`")
      }
      self.greeting = bytes
      isPretty = bytes.dropLast(2).contains(0x0a)
      offered = greeting.capabilities
      version = "\(greeting.version)"
      return true
    }
    // 0xFF is never part of JSON text, and resets QEMU's parser from any state. QEMU
    // answers it with a parse error, which shows the format of its parse errors.
    outbox.add([0xff])
    let enable: JSON? = offered.contains("oob") ? ["enable": ["oob"]] : nil
    let id = ask(Command("qmp_capabilities", enable))
    try receive(until: deadline, stop, awaiting: "capabilities negotiation") {
      (kind, bytes) throws(ProxyFailure) -> Bool in
      switch try? ServerMessage.parse(bytes) {
      case .failure(nil, let error):
        tellsPlace = error.text.utf8.first.map { (0x30...0x39).contains($0) } ?? false
        return false
      case .success(id.json, _): return true
      case .failure(id.json, let error): throw ProxyFailure("QEMU refused to negotiate capabilities: \(error)")
      case .event: return false
      default: throw ProxyFailure("QEMU answered the negotiation with `\(ProxyMonitor.excerpt(bytes))`")
      }
    }
  }

  private func receive(
    until deadline: Deadline, _ stop: Int32?, awaiting: String,
    _ take: (ServerStream.Kind, [UInt8]) throws(ProxyFailure) -> Bool
  ) throws(ProxyFailure) {
    var message: [UInt8] = []
    while true {
      flush()
      var entries = [
        pollfd(fd: descriptor, events: Int16(POLLIN | (outbox.isEmpty ? 0 : POLLOUT)), revents: 0),
        pollfd(fd: stop ?? -1, events: Int16(POLLIN), revents: 0),
      ]
      // SAFETY: two entries, which live for the call.
      let ready = poll(&entries, 2, deadline.milliseconds)
      if entries[1].revents != 0 { throw ProxyFailure("stopped before QEMU's \(awaiting)") }
      if ready == 0, deadline.isPast {
        throw ProxyFailure(
          "no \(awaiting) from QEMU within \(deadline.patience.components.seconds) s; it serves one client at a time")
      }
      guard entries[0].revents != 0 else { continue }
      let (count, descriptors) = read()
      closeAll(descriptors)
      if count == -Int(EAGAIN) || count == -Int(EINTR) { continue }
      guard count > 0 else {
        throw ProxyFailure(
          "QEMU closed the connection before the \(awaiting)"
            + (count < 0 ? ": \(errnoText(Int32(-count)))" : ""))
      }
      let pieces: [ServerStream.Piece]
      do { pieces = try stream.pieces() } catch { throw ProxyFailure("QEMU: \(error)") }
      for piece in pieces {
        message += stream.buffer[piece.range]
        guard message.count <= JSON.maximumSize else { throw ProxyFailure("QEMU's \(awaiting) is too large") }
        guard piece.isEnd else { continue }
        // The last piece is the last in the buffer: nothing follows the awaited message.
        if try take(piece.kind, message) { return }
        message = []
      }
    }
  }

  static func excerpt(_ bytes: [UInt8]) -> String {
    String(decoding: bytes.prefix(80).map { $0 < 0x20 || $0 > 0x7e ? 0x20 : $0 }, as: UTF8.self)
  }
}
