import CLinux
import Common
import Glibc
import QMP

/// One client's connection.
final class ProxyClient {
  let peer: ProxyPeer
  let descriptor: Int32
  var negotiation: ClientNegotiation
  /// Messages that are framed and not yet dealt with, oldest first.
  var inbox: [ClientStream.Item] = []
  /// The first of the inbox was looked at, and has to wait until QEMU has nothing else in hand.
  var held: (any CommandDecision)?
  /// Commands in QEMU's hands that this client awaits.
  var outstanding = 0
  /// It has closed its sending side; what it sent is still answered.
  var inputEnded = false
  var isGone = false
  private(set) var outbox = ProxyOutbox()
  private var stream: ClientStream
  private var isClosed = false

  /// In-band commands are taken one at a time; with out-of-band negotiated QEMU reads ahead so many
  /// (QEMU monitor/monitor-internal.h: QMP_REQ_QUEUE_LEN_MAX).
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

  /// Nothing is left to be done for a client that sends no more.
  var isFinished: Bool {
    isGone || inputEnded && inbox.isEmpty && held == nil && outstanding == 0 && outbox.isEmpty
  }

  /// Reads once.
  /// - Returns: why the client has to go, nil when it may stay.
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
      case let code: return errnoWords(code)
      }
    }
    stream.append(buffer[..<result], descriptors: descriptors, at: at)
    return nil
  }

  /// Takes complete messages out of the stream, as far as they may be read ahead.
  func frame() {
    while inbox.count < (negotiation.hasOutOfBand ? ProxyClient.readAhead : 1), let item = stream.next() {
      inbox.append(item)
    }
    let abandoned = stream.takeAbandoned()
    if !abandoned.isEmpty { closeAll(abandoned) }
  }

  var isFlushed: Bool { outbox.isEmpty }
  var bytesWaiting: Int { outbox.byteCount }

  /// Sends at once what the socket takes, and keeps the rest.
  func send(_ bytes: UnsafeRawBufferPointer, descriptors: [Int32] = []) {
    guard !isGone, !bytes.isEmpty else { return closeAll(descriptors) }
    if outbox.isEmpty {
      let result = ProxyOutbox.send(descriptor, bytes, descriptors)
      if result > 0 { closeAll(descriptors) }
      if result == bytes.count { return }
      if result < 0, -result != EAGAIN, -result != EINTR {
        // Whoever reads no more may still have sent something; reading tells that it is gone.
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

  /// Goes on writing what waits.
  func flush() {
    if case .failed = outbox.flush(to: descriptor) { isGone = true }
  }

  /// Closes the connection, and drops what it had sent and nobody has seen, its descriptors closed.
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
