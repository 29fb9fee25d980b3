import CLinux
import Common
import Glibc
import QMP

/// One client's connection.
final class ProxyClient {
  let peer: ProxyPeer
  let descriptor: Int32
  var negotiation: ClientNegotiation
  /// Messages that are framed and not yet processed, oldest first.
  var inbox: [ClientStream.Item] = []
  /// The decision about the first message of the inbox, which waits until QEMU has no other command in progress.
  var held: (any CommandDecision)?
  /// Number of commands of this client that QEMU has not answered.
  var outstanding = 0
  /// Whether it has closed its sending side; its commands are still answered.
  var inputEnded = false
  var isGone = false
  private(set) var outbox = ProxyOutbox()
  private var stream: ClientStream
  private var isClosed = false

  /// Number of messages that are read ahead: in-band commands are processed one at a time; with out-of-band negotiated
  /// QEMU reads ahead this number (QEMU monitor/monitor-internal.h: QMP_REQ_QUEUE_LEN_MAX).
  private static let readAhead = 8

  init(_ descriptor: Int32, peer: ProxyPeer, negotiation: ClientNegotiation, tellsPlace: Bool) {
    self.descriptor = descriptor
    self.peer = peer
    self.negotiation = negotiation
    stream = ClientStream(tellsPlace: tellsPlace)
  }

  deinit { if !isClosed { close(descriptor) } }

  var wantsInput: Bool {
    !inputEnded && !isGone && inbox.count < (negotiation.hasOutOfBand ? ProxyClient.readAhead : 1)
  }

  /// Whether everything is done for a client that sends no more.
  var isFinished: Bool {
    isGone || inputEnded && inbox.isEmpty && held == nil && outstanding == 0 && outbox.isEmpty
  }

  /// Reads once.
  /// - Returns: the reason to disconnect the client, nil for none.
  func read(_ buffer: inout [UInt8]) -> String? {
    var count = 0
    var at = 0
    var descriptors = [Int32]()
    let result = buffer.withUnsafeMutableBytes { bytes in
      withUnsafeTemporaryAllocation(of: Int32.self, capacity: Int(CLINUX_DESCRIPTORS_MAX)) { room in
        // SAFETY: the buffers' own counts bound what is written into them.
        let result = clinux_receive_segment(
          descriptor, bytes.baseAddress, bytes.count, room.baseAddress, &count, &at)
        if count > 0 { descriptors = Array(UnsafeBufferPointer(rebasing: room[..<count])) }
        return result
      }
    }
    if result == 0 {
      inputEnded = true
      return nil
    }
    guard result > 0 else {
      switch Int32(-result) {
      case EAGAIN, EINTR: return nil
      case EMFILE: return "descriptors that it sent were lost: this process may hold no more"
      case let code: return errnoText(code)
      }
    }
    stream.append(buffer[..<result], descriptors: descriptors, at: at)
    return nil
  }

  /// Removes complete messages from the stream, as far as they may be read ahead.
  func frame() {
    while inbox.count < (negotiation.hasOutOfBand ? ProxyClient.readAhead : 1), let item = stream.next() {
      inbox.append(item)
    }
    let abandoned = stream.takeAbandoned()
    if !abandoned.isEmpty { closeAll(abandoned) }
  }

  var isFlushed: Bool { outbox.isEmpty }
  var bytesWaiting: Int { outbox.byteCount }

  /// Sends as much as the socket accepts at once, and queues the rest.
  func send(_ bytes: UnsafeRawBufferPointer, descriptors: [Int32] = []) {
    guard !isGone, !bytes.isEmpty else { return closeAll(descriptors) }
    if outbox.isEmpty {
      let result = ProxyOutbox.send(descriptor, bytes, descriptors)
      if result > 0 { closeAll(descriptors) }
      if result == bytes.count { return }
      if result < 0, -result != EAGAIN, -result != EINTR {
        // A client that reads no more may still have sent something; reading detects that it has disconnected.
        closeAll(descriptors)
        isGone = true
        return
      }
      let rest = UnsafeRawBufferPointer(rebasing: bytes[max(0, result)...])
      return outbox.add(Array(rest), descriptors: result > 0 ? [] : descriptors)
    }
    outbox.add(Array(bytes), descriptors: descriptors)
  }

  func send(_ reply: LocalReply) { reply.bytes.withUnsafeBytes { send($0) } }

  /// Writes queued bytes.
  func flush() {
    if case .failed = outbox.flush(to: descriptor) { isGone = true }
  }

  /// Closes the connection, and drops unprocessed messages with their descriptors.
  func drop() {
    guard !isClosed else { return }
    isClosed = true
    close(descriptor)
    for item in inbox {
      switch item {
      case .message(let message): closeAll(message.descriptors)
      case .refused(_, let descriptors): closeAll(descriptors)
      }
    }
    inbox = []
    held = nil
    closeAll(stream.takeAllDescriptors())
    outbox.clear()
    isGone = true
  }
}
