import Syntax

/// One client of a `ProxySession`, without its connection.
final class SessionClient {
  /// A message that is framed and not yet processed.
  struct Pending {
    let item: ClientStream.Item
    /// The filter's answer, once it was asked: it is asked once for each command.
    var verdict: ProxyInspection?
  }

  let peer: ProxyPeer
  var negotiation: ClientNegotiation
  /// Messages that wait, oldest first.
  var inbox: [Pending] = []
  /// The decision about the first message of the inbox, which waits until QEMU has no other command in progress.
  var held: (any CommandDecision)?
  /// Number of commands of this client that QEMU has not answered.
  var outstanding = 0
  /// Whether its next command waits only for the replies to commands out of band.
  var waitsForOutOfBand = false
  /// Whether it has closed its sending side; its commands are still answered.
  var inputEnded = false
  private(set) var isGone = false
  var outbox = Outbox()
  private var stream: ClientStream

  /// Number of messages that are read ahead: in-band commands are processed one at a time; with out-of-band negotiated
  /// QEMU reads ahead this number (QEMU monitor/monitor-internal.h: QMP_REQ_QUEUE_LEN_MAX).
  private static let readAhead = 8

  /// Limit of bytes that are read ahead, in bytes: messages are parsed when they are framed, and take far more memory
  /// than their text.
  private static let readAheadBytes = 1 << 16

  /// Limit of descriptors that a client has sent with unprocessed messages; one message carries at most this number.
  static let descriptorLimit = 253

  init(_ peer: ProxyPeer, negotiation: ClientNegotiation, tellsPlace: Bool) {
    self.peer = peer
    self.negotiation = negotiation
    stream = ClientStream(tellsPlace: tellsPlace)
  }

  private var mayReadAhead: Bool {
    if inbox.isEmpty { return true }
    guard negotiation.hasOutOfBand, inbox.count < SessionClient.readAhead else { return false }
    var bytes = 0
    for case .message(let message) in inbox.map(\.item) { bytes += message.bytes.count }
    return bytes < SessionClient.readAheadBytes
  }

  var wantsInput: Bool { !inputEnded && !isGone && mayReadAhead }

  /// Whether everything is done for a client that sends no more.
  var isFinished: Bool {
    isGone || inputEnded && inbox.isEmpty && outstanding == 0 && outbox.isEmpty
  }

  var isFlushed: Bool { isGone || outbox.isEmpty }

  /// The beginning of a message that is not complete, when nothing else of the client is in progress; nil while
  /// something is.
  var unread: [UInt8]? {
    guard !isGone, inbox.isEmpty, outstanding == 0, outbox.isEmpty else { return nil }
    return stream.unread
  }

  /// Whether descriptors came with a message that has not ended.
  var isInsideMessageWithDescriptors: Bool { stream.descriptorCount > 0 }

  /// Number of descriptors that came and were not passed on.
  var descriptorCount: Int {
    var count = stream.descriptorCount
    for case .message(let message) in inbox.map(\.item) { count += message.descriptors.count }
    return count
  }

  func receive(_ bytes: ArraySlice<UInt8>, descriptors: [OwnedDescriptor], at index: Int) {
    stream.append(bytes, descriptors: descriptors, at: index)
  }

  /// Removes complete messages from the stream, as far as they may be read ahead.
  func frame() {
    while mayReadAhead, let item = stream.next() { inbox.append(Pending(item: item)) }
  }

  func send(_ reply: LocalReply) { outbox.add(reply.bytes) }

  /// Drops everything that it has sent and everything that waits for it, with the descriptors.
  func drop() {
    isGone = true
    inbox = []
    held = nil
    waitsForOutOfBand = false
    stream = ClientStream(tellsPlace: false)
    outbox.close()
  }
}
